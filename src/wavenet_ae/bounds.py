"""Annotations of numbers with their range: `num_mels: Positive` is a whole number of at least 1.

They mean nothing to a constructor itself; the check of a configuration reads them (signatures.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated


@dataclass(frozen=True)
class AtLeast:
    least: float

    def holds(self, value: float) -> bool:
        return self.least <= value < inf

    def __str__(self) -> str:
        return f"of at least {self.least:g}"


@dataclass(frozen=True)
class Above:
    bound: float

    def holds(self, value: float) -> bool:
        return self.bound < value < inf

    def __str__(self) -> str:
        return f"above {self.bound:g}"


@dataclass(frozen=True)
class AtMost:
    most: float

    def holds(self, value: float) -> bool:
        return -inf < value <= self.most

    def __str__(self) -> str:
        return f"of at most {self.most:g}"


@dataclass(frozen=True)
class Below:
    bound: float

    def holds(self, value: float) -> bool:
        return -inf < value < self.bound

    def __str__(self) -> str:
        return f"below {self.bound:g}"


@dataclass(frozen=True)
class Remark:
    """No bound: a remark on what is accepted, for the text of an error."""

    text: str

    def holds(self, value: object) -> bool:
        return True

    def __str__(self) -> str:
        return f"({self.text})"


BOUNDS = (AtLeast, Above, AtMost, Below, Remark)

Positive = Annotated[int, AtLeast(1)]
NonNegative = Annotated[int, AtLeast(0)]
PositiveNumber = Annotated[float, Above(0)]
NonNegativeNumber = Annotated[float, AtLeast(0)]
Fraction01 = Annotated[float, AtLeast(0), AtMost(1)]
PositiveFraction = Annotated[float, Above(0), AtMost(1)]
FractionBelow1 = Annotated[float, AtLeast(0), Below(1)]
OpenFraction = Annotated[float, Above(0), Below(1)]
