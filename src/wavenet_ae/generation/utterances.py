"""The utterances to generate: their names, content and speakers."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from torch import Tensor

from wavenet_ae.errors import UserError
from wavenet_ae.file_names import fitting, printable
from wavenet_ae.models import GenerativeModel
from wavenet_ae.models.inputs import NUM_SHOWN, checked_speaker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Utterance:
    """One file to make.

    Args:
        name: Its path in the folder of results, without a suffix; it keys the random numbers.
        speaker: Speaker of the input; None where it is unknown.
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
        codes: Codes (N,) or (Q, N), or vectors (D, N), by the name of their stream; None: it is
            unconditional.
        num_samples: Exactly how long the result will be.
    """

    codes: Mapping[str, Tensor] | None
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


def result_names(keys: Sequence[tuple[str, str]], taken: Sequence[str] = ()) -> list[str]:
    """Names results after their inputs.

    A name is the input's path without its suffix, on one line; the suffix stays where two inputs
    would share a name, or the name is taken. A name that is too long for a file is shortened.

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
        fitting(printable(path + added if num_shared[name] > 1 else name))
        for (path, added), name in zip(inside, short, strict=True)
    ]
    owners: dict[str, str] = {}
    for name, (path, _) in zip(names, keys, strict=True):
        if name in owners:
            raise UserError(
                f"{printable(owners[name])} and {printable(path)} would both make {name}: rename "
                "one, or run two commands with two out="
            )
        owners[name] = path
    return names


def given_name(name: str) -> str | None:
    """Returns the name of a result from one that somebody has written; None where it is none.

    `a/./b`, `a//b` and `a/b` are one file, and so one name.
    """
    path = PurePath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or printable(name) != name:
        return None
    return fitting(path.as_posix())


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
        utterances: Utterances to generate.
        speaker: Speaker of all results, see `checked_speaker`; None: each utterance's own, if the
            model knows it.

    Returns:
        Names, None for the unknown speaker.

    Raises:
        UserError: The model does not know `speaker`.
    """
    if speaker is not None:
        return [checked_speaker(model, speaker)] * len(utterances)
    known = set(model.speakers)
    if strangers := sorted({each.speaker for each in utterances if each.speaker} - known):
        more = f" and {len(strangers) - NUM_SHOWN} more" if len(strangers) > NUM_SHOWN else ""
        logger.info(
            "the model does not know these speakers and uses the unknown-speaker embedding: %s%s",
            *(", ".join(map(printable, strangers[:NUM_SHOWN])), more),
        )
    return [each.speaker if each.speaker in known else None for each in utterances]
