"""Data of probes: a bounded, uniform sample of a corpus's frames, and their vectors.

Every frame has a random number that is a function of the seed, its utterance and its place; the
frames with the smallest numbers are chosen (a bottom-k sample). Frames are therefore chosen before
anything is encoded, one utterance is in memory at a time, and the sample does not grow with the
corpus. It is the same for every representation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array, vstack

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.labels import UNLABELED
from wavenet_ae.metrics.representations import anchors_inside
from wavenet_ae.models.utterance import CodeLayout
from wavenet_ae.randomness import keyed_bits, keyed_permutation

# Row of an utterance, anchors (N,) in samples -> phones (N,) as `label_at` gives them.
PhonesOf = Callable[[int, np.ndarray], np.ndarray]
_FRAME = np.dtype([("bits", "u8"), ("utterance", "i8"), ("place", "i8"), ("phone", "i8")])
Matrix: TypeAlias = np.ndarray | csr_array


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
        layout: Layout of the codes of one of the model's streams.
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


@dataclass(frozen=True)
class ProbeData:
    """Rows to probe; each of the R rows is a frame or an utterance.

    Attributes:
        values: By representation, `(R, C)` float32, sparse for codes.
        utterance: `(R,)` int64, rows of the corpus.
        speaker: `(R,)` int64, rows of the corpus's speakers.
        phone: `(R,)` int64, possibly UNLABELED; None if rows are utterances.
    """

    values: dict[str, Matrix]
    utterance: np.ndarray
    speaker: np.ndarray
    phone: np.ndarray | None = None


class ProbeCollector:
    """Collector of the frames that were chosen, from one utterance after another.

    Every utterance of `choice.rows` must be added, in this order.

    Args:
        corpus: The packed corpus.
        choice: The chosen frames and utterances.
    """

    def __init__(self, corpus: PackedCorpus, choice: FrameChoice) -> None:
        self.corpus, self.choice = corpus, choice
        self._frames: dict[str, list[Matrix]] = defaultdict(list)
        self._means: dict[str, list[Matrix]] = defaultdict(list)

    def add(self, row: int, values: Mapping[str, np.ndarray]) -> None:
        """Collects the chosen frames of an utterance.

        Args:
            row: The utterance's row in the corpus.
            values: By representation, as `Representations` returns them.
        """
        first, stop = np.searchsorted(self.choice.utterance, [row, row + 1])
        places = self.choice.place[first:stop]
        for name, each in values.items():
            self._frames[name].append(_matrix(each[places]))
            if row in self.choice.whole:
                self._means[name].append(_mean(_matrix(each)))

    def frames(self) -> ProbeData:
        """Returns the chosen frames."""
        rows = self.choice.utterance
        speakers = self.corpus.speaker[rows]
        return ProbeData(_stacked(self._frames), rows, speakers, self.choice.phone)

    def means(self) -> ProbeData:
        """Returns the means of the chosen utterances over all their frames."""
        rows = np.array(sorted(self.choice.whole), dtype=np.int64)
        return ProbeData(_stacked(self._means), rows, self.corpus.speaker[rows])


def _matrix(values: np.ndarray) -> Matrix:
    """Vectors `(N, C)` as float32; indices of ones `(N, H)` as sparse rows."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    num_rows, num_books = values.shape
    ones = np.ones(values.size, dtype=np.float32)
    rows = np.arange(num_rows + 1) * num_books
    num_places = int(values.max(initial=-1)) + 1
    return csr_array((ones, values.ravel(), rows), shape=(num_rows, num_places))


def _mean(matrix: Matrix) -> Matrix:
    """Returns the mean `(1, C)` of rows `(N, C)`."""
    if isinstance(matrix, np.ndarray):
        return matrix.mean(axis=0, keepdims=True)
    return csr_array(matrix.mean(axis=0)[None].astype(np.float32))


def _stacked(pieces: Mapping[str, Sequence[Matrix]]) -> dict[str, Matrix]:
    return {name: _one(each) for name, each in pieces.items()}


def _one(pieces: Sequence[Matrix]) -> Matrix:
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)  # type: ignore[arg-type]
    width = max(each.shape[1] for each in pieces)
    for each in pieces:
        each.resize((each.shape[0], width))
    return vstack(pieces, format="csr")
