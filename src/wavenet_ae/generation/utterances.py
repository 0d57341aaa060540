"""The utterances to generate: their names, content and speakers."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import PurePath
from typing import Protocol

from torch import Tensor

from wavenet_ae.errors import UserError
from wavenet_ae.models import GenerativeModel

logger = logging.getLogger(__name__)

NUM_SHOWN = 12  # names of speakers in a message


@dataclass(frozen=True)
class Utterance:
    """One file to make.

    Args:
        name: Its path in the folder of results, without a suffix; it keys the random numbers.
        speaker: Of the input; None where it is unknown.
        origin: The input, for people.
        digest: SHA-256 of the input.
        num_samples: About how long the result will be, at the model's rate.
    """

    name: str
    speaker: str | None
    origin: str
    digest: str
    num_samples: int


@dataclass(frozen=True)
class Content:
    """What an utterance is generated from.

    Args:
        codes: (N,) or (Q, N), or vectors (D, N); None: it is unconditional.
        num_samples: Exactly how long the result will be.
    """

    codes: Tensor | None
    num_samples: int


class UtteranceSource(Protocol):
    """Where utterances come from."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """All utterances, sorted by name."""

    def content(self, utterance: Utterance) -> Content:
        """Returns the content of one; raises AudioError where its recording cannot be used."""


class Unconditional:
    """Unconditional samples of a model without codes.

    Args:
        num_utterances: How many.
        num_samples: Audio samples of each.
    """

    def __init__(self, num_utterances: int, num_samples: int) -> None:
        names = [f"sample-{number:04d}" for number in range(1, num_utterances + 1)]
        self.utterances = [Utterance(name, None, "", "", num_samples) for name in names]

    def content(self, utterance: Utterance) -> Content:
        return Content(None, utterance.num_samples)


def printable(text: str) -> str:
    """Returns a path, whose bytes need not be UTF-8, as text that can be printed and hashed."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def result_names(keys: Sequence[tuple[str, str]], taken: Sequence[str] = ()) -> list[str]:
    """Names results after their inputs.

    A name is the input's path without its suffix; the suffix stays where two inputs would share a
    name, or the name is taken.

    Args:
        keys: Unique pairs of a path and what is added to it (`#channel`, or "").
        taken: Names that no result may have.

    Returns:
        A name for each pair.

    Raises:
        UserError: Two share a name even so.
    """
    inside = [(_inside(path), added) for path, added in keys]
    short = [os.path.splitext(path)[0] + added for path, added in inside]
    num_shared = Counter([*short, *taken])
    names = [
        path + added if num_shared[name] > 1 else name
        for (path, added), name in zip(inside, short, strict=True)
    ]
    owners: dict[str, str] = {}
    for name, (path, _) in zip(names, keys, strict=True):
        if name in owners:
            raise UserError(
                f"{printable(owners[name])} and {printable(path)} would both make "
                f"{printable(name)}: rename one, or run two commands with two out="
            )
        owners[name] = path
    return [printable(name) for name in names]


def _inside(path: str) -> str:
    """Returns a path without a root and without `..`, so that it stays inside a folder."""
    parts = [part for part in PurePath(path).parts if part not in ("/", "..", ".")]
    return "/".join(parts)


def target_speakers(
    model: GenerativeModel, utterances: Sequence[Utterance], speaker: str | None
) -> list[str | None]:
    """Chooses the speaker of each result.

    Args:
        model: What generates.
        utterances: Of the results.
        speaker: Of all results; None: each utterance's own, if the model knows it.

    Returns:
        Names, None for the unknown speaker.

    Raises:
        UserError: The model does not know `speaker`.
    """
    if speaker is not None:
        require_speaker(model, speaker)
        return [speaker] * len(utterances)
    known = set(model.speakers)
    if strangers := sorted({each.speaker for each in utterances if each.speaker} - known):
        more = f" and {len(strangers) - NUM_SHOWN} more" if len(strangers) > NUM_SHOWN else ""
        logger.info(
            "the model does not know these speakers and uses the unknown-speaker embedding: %s%s",
            *(", ".join(strangers[:NUM_SHOWN]), more),
        )
    return [each.speaker if each.speaker in known else None for each in utterances]


def require_speaker(model: GenerativeModel, speaker: str) -> None:
    """Raises UserError where the model cannot generate as this speaker."""
    if not model.speaker_conditioning:
        raise UserError(
            f"speaker is {speaker!r}, but this model was trained without speakers "
            "(model.speaker_conditioning=false): remove speaker"
        )
    if speaker in model.speakers:
        return
    likeness = {name: SequenceMatcher(None, speaker, name).ratio() for name in model.speakers}
    nearest = sorted(likeness, key=lambda name: (-likeness[name], name))
    more = f" and {len(nearest) - NUM_SHOWN} more" if len(nearest) > NUM_SHOWN else ""
    raise UserError(
        f"speaker is {speaker!r}, which the model does not know.  It knows "
        f"{', '.join(nearest[:NUM_SHOWN])}{more}"
    )
