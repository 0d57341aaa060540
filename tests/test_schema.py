"""Types and bounds of settings: what fits an annotation, and how it is put in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pytest

from wavenet_ae.schema import (
    Fraction01,
    NonNegative,
    NonNegativeNumber,
    Positive,
    PositiveNumber,
    accepts,
    describe,
    parameter_types,
)


@pytest.mark.parametrize(
    "value, annotation, fits",
    [
        (3, int, True),
        (True, int, False),
        (3, float, True),
        (3.5, int, False),
        ("x", str, True),
        (None, int | None, True),
        (None, int, False),
        ([1, 2], Sequence[int], True),
        ([1, "x"], Sequence[int], False),
        ("12", Sequence[int], False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (3, Path, False),
        (1, Positive, True),
        (0, Positive, False),
        (1.5, Positive, False),
        (0, NonNegative | None, True),
        (-1, NonNegative | None, False),
        ([], Sequence[Positive], True),
        ([3, 0], Sequence[Positive], False),
        (1, Fraction01, True),
        (1.01, Fraction01, False),
        (0, PositiveNumber, False),
        (float("nan"), NonNegativeNumber, False),
        (float("inf"), NonNegativeNumber, False),
        (-1, Positive | Literal[-1], True),
        (3, Annotated[int, "what another library says"], True),
    ],
)
def test_values_fit_annotations(value, annotation, fits):
    assert accepts(value, annotation) is fits
    assert describe(annotation)


@pytest.mark.parametrize(
    "annotation, words",
    [
        (Positive, "a whole number of at least 1"),
        (NonNegative | None, "a whole number of at least 0 or null"),
        (Fraction01, "a number of at least 0 and of at most 1"),
        (Sequence[Positive], "a list, each item a whole number of at least 1"),
        (Positive | Literal[-1], "a whole number of at least 1 or -1"),
    ],
)
def test_bounds_in_words(annotation, words):
    assert describe(annotation) == words


def test_star_arguments_hide_no_typos():
    def target(width: int, **others: int) -> None: ...

    assert list(parameter_types(target)) == ["width"]
