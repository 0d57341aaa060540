"""Assignment of recordings to splits, by the user or by a keyed hash of the name.

The hash of a recording's name and the seed is a place in [0, 1). Adding recordings therefore moves
none between splits, and raising a fraction only adds to that split:

    0 |-- validation --|--------------- train ---------------|-- test --| 1
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wavenet_ae.data.sources import SPLITS, Recording
from wavenet_ae.errors import UserError
from wavenet_ae.schema import FractionBelow1


@dataclass(frozen=True)
class Splits:
    """Fractions of the recordings, or of the speakers, that are held out.

    A split that the user assigned to a recording takes precedence. The channels of a file are
    always in the same split.

    Attributes:
        validation: Fraction for validation, in [0, 1).
        test: Fraction for testing, in [0, 1).
        by: Whether single utterances or whole speakers are held out.
        seed: Key of the hash.

    Raises:
        UserError: If a fraction is out of range, or nothing is left to train on.
    """

    validation: FractionBelow1 = 0.1
    test: FractionBelow1 = 0.0
    by: Literal["utterance", "speaker"] = "utterance"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(
                    f"data.splits.{name}={getattr(self, name)}: use a fraction from 0 to below 1"
                )
        if self.validation + self.test >= 1:
            raise UserError(
                f"data.splits.validation={self.validation} and data.splits.test={self.test} "
                "leave nothing to train on: their sum must stay below 1"
            )
        if self.by not in ("utterance", "speaker"):
            raise UserError(f"data.splits.by={self.by}: use 'utterance' or 'speaker'")

    def place(self, recording: Recording) -> float:
        """Returns the place of the recording, or of its speaker, in [0, 1)."""
        name = recording.speaker
        if self.by == "utterance":
            name = recording.key.removesuffix(f"#{recording.channel}")
        data = name.encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(data, digest_size=8, key=str(self.seed).encode()).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53  # 53 bits: exact and below 1

    def of(self, recording: Recording) -> str:
        """Returns the split of a recording: `train`, `validation` or `test`."""
        if recording.split is not None:
            return recording.split
        place = self.place(recording)
        if place < self.validation:
            return "validation"
        return "test" if place >= 1 - self.test else "train"

    def assign(self, recordings: Sequence[Recording]) -> list[str]:
        """Returns the split of each recording.

        Raises:
            UserError: If a split that is needed has no recording.
        """
        splits = [self.of(recording) for recording in recordings]
        for name in SPLITS if self.test > 0 else SPLITS[:2]:
            if name not in splits:
                raise UserError(self._empty(name, recordings))
        return splits

    def _empty(self, name: str, recordings: Sequence[Recording]) -> str:
        hashed = [recording for recording in recordings if recording.split is None]
        setting = f"data.splits.validation={self.validation:g}, data.splits.test={self.test:g}, "
        setting += f"data.splits.by={self.by}, data.splits.seed={self.seed}"
        text = f"no recording of {len(recordings)} falls into the {name} split ({setting}). "
        if not hashed:
            return text + f"All have an explicit split: mark some recordings as {name!r}."
        places = sorted({self.place(recording) for recording in hashed})
        if len(places) < 2:
            units = "speaker" if self.by == "speaker" else "recording"
            other = " or set data.splits.by=utterance" if self.by == "speaker" else ""
            return text + f"There is a single {units} to divide: add more{other}."
        return text + self._remedy(name, places)

    def _remedy(self, name: str, places: list[float]) -> str:
        """The smallest change that gives `name` a recording; there are at least two places."""
        if name == "validation":
            least = math.floor(places[0] * 1e4 + 1) / 1e4
            return f"Set data.splits.validation to {least:g} or more, or try another seed."
        if name == "test":
            least = math.ceil((1 - places[-1]) * 1e4) / 1e4
            return f"Set data.splits.test to {least:g} or more, or try another seed."
        return "Lower data.splits.validation or data.splits.test, or try another seed."


class Undivided(Splits):
    """Splits for evaluation only: recordings without a split of their own are for testing."""

    def assign(self, recordings: Sequence[Recording]) -> list[str]:
        """Returns the split of each recording, by default `test`."""
        return [recording.split or "test" for recording in recordings]
