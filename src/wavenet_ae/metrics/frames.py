"""Bounded, uniform sample of a corpus's frames, the same for every representation.

Every frame has a random number that is a function of the seed, its utterance and its place; the
frames with the smallest numbers are chosen (a bottom-k sample). Frames are therefore chosen before
anything is encoded, one utterance is in memory at a time, and the sample does not grow with the
corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.labels import UNLABELED
from wavenet_ae.metrics.encoding import anchors_inside
from wavenet_ae.models.utterance import CodeLayout
from wavenet_ae.randomness import keyed_bits, keyed_permutation

# Row of an utterance, anchors (N,) in samples -> phones (N,) as `label_at` gives them.
PhonesOf = Callable[[int, np.ndarray], np.ndarray]

_FRAME = np.dtype([("bits", "u8"), ("utterance", "i8"), ("place", "i8"), ("phone", "i8")])


@dataclass(frozen=True)
class FrameChoice:
    """Frames to probe one by one, and utterances to probe as means over all their frames.

    Attributes:
        utterance: `(F,)` int64 ascending, rows of the corpus.
        place: `(F,)` int64, number of the frame in its utterance.
        phone: `(F,)` int64; UNLABELED throughout if no labels were requested.
        whole: Rows of the utterances whose means are probed.
        num_eligible: Frames from which these were chosen.
        num_unlabeled: Other frames, whose phone is missing or excluded.
    """

    utterance: np.ndarray
    place: np.ndarray
    phone: np.ndarray
    whole: frozenset[int]
    num_eligible: int
    num_unlabeled: int

    @property
    def rows(self) -> list[int]:
        """Rows of the utterances that have to be encoded, in order."""
        return sorted(self.whole | set(self.utterance.tolist()))


def choose_frames(
    corpus: PackedCorpus,
    rows: Iterable[int],
    layout: CodeLayout,
    phones_of: PhonesOf | None,
    max_frames: int = 10_000,
    max_utterances: int = 1_000,
    seed: int = 0,
) -> FrameChoice:
    """Chooses labeled frames and whole utterances at random.

    Args:
        corpus: The packed corpus.
        rows: Rows of the utterances to choose from.
        layout: Layout of the model's codes.
        phones_of: Labels of an utterance's frames; None to choose from all frames.
        max_frames: Frames to choose, at most; each is equally likely.
        max_utterances: Utterances to choose, at most.
        seed: Key of the choice.
    """
    rows = np.array(list(rows), dtype=np.int64)
    chosen, num_eligible, num_unlabeled = np.empty(0, _FRAME), 0, 0
    for row in rows.tolist():
        anchors = anchors_inside(layout, int(corpus.length[row]))
        frames = np.zeros(len(anchors), _FRAME)
        frames["bits"] = keyed_bits(len(anchors), seed, "frames", row)
        frames["utterance"], frames["place"] = row, np.arange(len(anchors))
        frames["phone"] = UNLABELED if phones_of is None else phones_of(row, anchors)
        if phones_of is not None:
            frames = frames[frames["phone"] >= 0]  # UNLABELED and EXCLUDED are negative
        num_eligible += len(frames)
        num_unlabeled += len(anchors) - len(frames)
        chosen = _smallest(np.concatenate([chosen, frames]), max_frames)
    chosen = np.sort(chosen, order=["utterance", "place"])
    whole = rows[keyed_permutation(len(rows), seed, "utterances")[:max_utterances]]
    return FrameChoice(
        utterance=chosen["utterance"].copy(),
        place=chosen["place"].copy(),
        phone=chosen["phone"].copy(),
        whole=frozenset(whole.tolist()),
        num_eligible=num_eligible,
        num_unlabeled=num_unlabeled,
    )


def _smallest(frames: np.ndarray, num: int) -> np.ndarray:
    if len(frames) <= num:
        return frames
    return frames[np.argpartition(frames["bits"], num - 1)[:num]]
