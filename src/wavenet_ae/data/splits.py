"""Assignment of recordings to splits, by the user or by a keyed hash of the name.

The hash of a recording's name and the seed is a place in [0, 1). Adding recordings therefore moves
none between splits, and raising a fraction only adds to that split:

    0 |-- validation --|--------------- train ---------------|-- test --| 1

The hash of few names may hold out none of them. Then the recording with the lowest place validates,
or, of fewer than FEW, the end of each: see `wavenet_ae.data.time_splits`.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wavenet_ae.data.recordings import SPLITS, Recording
from wavenet_ae.errors import UserError, counted
from wavenet_ae.schema import FractionBelow1

logger = logging.getLogger(__name__)

FEW = 4  # recordings, of which a whole one is more than one can spare for validation


@dataclass(frozen=True)
class Splits:
    """Fractions of the recordings, or of the speakers, that are held out.

    A split that the user assigned to a recording takes precedence. The channels of a file are
    always in the same split, as are parts of it that overlap.

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

    def name(self, recording: Recording) -> str:
        """Returns the name that decides the split of a recording."""
        if self.by == "speaker":
            return recording.speaker
        if recording.part is not None and recording.part.group:
            return recording.part.group
        return recording.key.removesuffix(f"#{recording.channel}")

    def place(self, recording: Recording) -> float:
        """Returns the place of the recording, or of its speaker, in [0, 1)."""
        data = self.name(recording).encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(data, digest_size=8, key=str(self.seed).encode()).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53  # 53 bits: exact and below 1

    def of(self, recording: Recording) -> str:
        """Returns the split that the hash or the user gives a recording.

        It is `train`, `validation` or `test`.
        """
        if recording.split is not None:
            return recording.split
        place = self.place(recording)
        if place < self.validation:
            return "validation"
        return "test" if place >= 1 - self.test else "train"

    def is_by_time(self, recordings: Sequence[Recording]) -> bool:
        """Returns whether recordings are too few to hold out whole ones, so that each is cut."""
        if self.by != "utterance" or not self.validation:
            return False
        names: set[str] = set()
        for recording in recordings:
            if recording.split is None:
                names.add(self.name(recording))
            if len(names) >= FEW:
                return False
        return bool(names) and bool(self._missing([self.of(each) for each in recordings]))

    def assign(self, recordings: Sequence[Recording]) -> list[str]:
        """Returns the split of each recording.

        Where the hash leaves validation without any, the lowest place is held out for it.

        Raises:
            UserError: If a split that is needed has no recording.
        """
        splits = [self.of(recording) for recording in recordings]
        if self._missing(splits) == ["validation"] and self.validation:
            splits = self._with_lowest_held_out(recordings, splits)
        if missing := self._missing(splits):
            raise UserError(self._empty(missing[0], recordings))
        return splits

    def _with_lowest_held_out(
        self, recordings: Sequence[Recording], splits: Sequence[str]
    ) -> list[str]:
        places = [None if each.split else self.place(each) for each in recordings]
        known = {place for place in places if place is not None}
        lowest = min(known) if len(known) > 1 else None
        if lowest is not None:
            logger.info(
                "data.splits.validation=%g holds out none of %s: the one with the lowest hash "
                "validates",
                *(self.validation, counted(len(known), self.by)),
            )
        return [
            "validation" if lowest is not None and place == lowest else split
            for place, split in zip(places, splits, strict=True)
        ]

    def _missing(self, splits: Sequence[str]) -> list[str]:
        """Splits that are needed and have no recording."""
        return [name for name in (SPLITS if self.test > 0 else SPLITS[:2]) if name not in splits]

    def _places(self, recordings: Sequence[Recording]) -> list[float]:
        return sorted({self.place(each) for each in recordings if each.split is None})

    def _empty(self, name: str, recordings: Sequence[Recording]) -> str:
        setting = f"data.splits.validation={self.validation:g}, data.splits.test={self.test:g}, "
        setting += f"data.splits.by={self.by}, data.splits.seed={self.seed}"
        text = f"no recording of {len(recordings)} falls into the {name} split ({setting}). "
        places = self._places(recordings)
        if not places:
            return text + f"All have an explicit split: mark some recordings as {name!r}."
        if name == "validation" and not self.validation:
            return text + "Set data.splits.validation above 0, such as 0.1."
        if len(places) < 2:
            units = "speaker" if self.by == "speaker" else "recording"
            other = " or set data.splits.by=utterance" if self.by == "speaker" else ""
            return text + f"There is a single {units} to divide: add more{other}."
        return text + self._remedy(name, places)

    def _remedy(self, name: str, places: list[float]) -> str:
        """Returns the least change that gives `name` a recording; there are at least two places."""
        if name == "test":
            least = math.ceil((1 - places[-1]) * 1e4) / 1e4
            return f"Set data.splits.test to {least:g} or more, or try another seed."
        return "Lower data.splits.validation or data.splits.test, or try another seed."


class Undivided(Splits):
    """Splits for evaluation only: recordings without a split of their own are for testing."""

    def is_by_time(self, recordings: Sequence[Recording]) -> bool:
        """Returns False: no recording is cut."""
        return False

    def assign(self, recordings: Sequence[Recording]) -> list[str]:
        """Returns the split of each recording, by default `test`."""
        return [recording.split or "test" for recording in recordings]
