"""What is said when in one recording, and the label at an instant.

Times are float64 seconds, each the float nearest to what its file says: one division of whole
samples by a rate, or one decimal.  Equal instants are then equal floats, whatever file they come
from, so that a code which stands exactly on a boundary belongs to what begins there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wavenet_ae.errors import UserError, nearest

UNLABELED = -1  # no segment is there
EXCLUDED = -2  # there is one, but a mapping leaves its label out


@dataclass(frozen=True)
class Segments:
    """The segments of one recording: sorted, not overlapping, perhaps with gaps, perhaps none.

    begins, ends  (S,) float64 seconds, ends exclusive
    labels        (S,) names; None where a mapping leaves the label out
    path          the file they come from, for error texts
    """

    begins: np.ndarray
    ends: np.ndarray
    labels: tuple[str | None, ...]
    path: Path


class Row(NamedTuple):
    """One segment of a file, in seconds; `where` is file and line, for error texts."""

    begin: float
    end: float
    label: str
    where: str


def segments_of(rows: Iterable[Row], path: Path, remedy: str = "") -> Segments:
    """Of rows in order of time.  Raises UserError, naming the row, where they are not, or where
    one overlaps the row before it; `remedy` then says what to do."""
    kept: list[Row] = []
    for row in rows:
        if not (0 <= row.begin < row.end and isfinite(row.end)):
            raise UserError(f"{row.where}: a segment must begin at 0 or later, and then end")
        if kept and row.begin < kept[-1].end:
            raise UserError(f"{row.where}: it begins before the segment above it has ended{remedy}")
        kept.append(row)
    begins = np.array([row.begin for row in kept], np.float64)
    ends = np.array([row.end for row in kept], np.float64)
    return Segments(begins, ends, tuple(row.label for row in kept), path)


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file, with or without a byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the labels {path}: {error}") from error


def label_inventory(recordings: Iterable[Segments]) -> list[str]:
    """All labels that occur, sorted: a label's number is its place in this list."""
    return sorted({each for segments in recordings for each in segments.labels if each is not None})


def label_at(segments: Segments, seconds: np.ndarray, inventory: Sequence[str]) -> np.ndarray:
    """(N,) int64: the row of `inventory` of the label at each instant, UNLABELED or EXCLUDED.

    `seconds` (N,) need not be sorted; exact at boundaries where they are samples divided by a rate.
    Raises UserError where the recording has a label that is not in the inventory.
    """
    index: dict[str | None, int] = {label: row for row, label in enumerate(inventory)}
    index[None] = EXCLUDED
    for label in segments.labels:
        if label not in index:
            raise UserError(
                f"{segments.path}: the label {label!r} is not in the inventory."
                + nearest(str(label), inventory)
            )
    numbers = np.array([*(index[label] for label in segments.labels), UNLABELED], np.int64)
    ends = np.append(segments.ends, -np.inf)
    rows = np.searchsorted(segments.begins, seconds, side="right") - 1  # -1: before the first
    return np.where(np.asarray(seconds) < ends[rows], numbers[rows], UNLABELED)
