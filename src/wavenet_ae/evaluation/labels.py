"""Phone labels in TIMIT's form: a line `begin end phone` per segment, in samples at 16 kHz."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavenet_ae.errors import UserError, nearest

LABEL_RATE = 16_000
UNLABELLED = -1


@dataclass(frozen=True)
class Segments:
    """The segments of one recording: sorted, not overlapping, perhaps with gaps.

    begins, ends  (S,) int64 samples at LABEL_RATE, ends exclusive
    phones        (S,) names
    path          the file they come from, for error texts
    """

    begins: np.ndarray
    ends: np.ndarray
    phones: tuple[str, ...]
    path: Path


def read_segments(path: str | Path) -> Segments:
    """Raises UserError that names file and line where it is not what the module's head says."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the labels {path}: {error}") from error
    rows: list[tuple[int, int, str]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            rows.append(_segment(line, rows[-1][1] if rows else 0, f"{path}, line {number}"))
    if not rows:
        raise UserError(f"{path} has no labels: give a line 'begin end phone' per segment")
    begins, ends, phones = zip(*rows, strict=True)
    return Segments(np.array(begins, np.int64), np.array(ends, np.int64), phones, path)


def _segment(line: str, previous_end: int, where: str) -> tuple[int, int, str]:
    fields = line.split()
    if len(fields) != 3:
        raise UserError(f"{where}: {line!r} has {len(fields)} fields, not 'begin end phone'")
    try:
        begin, end = int(fields[0]), int(fields[1])
    except ValueError:
        raise UserError(
            f"{where}: {line!r} must begin with two whole numbers, samples at {LABEL_RATE} Hz"
        ) from None
    if not 0 <= begin < end:
        raise UserError(f"{where}: the segment {begin} to {end} must begin at 0 or later, then end")
    if begin < previous_end:
        raise UserError(
            f"{where}: the segment begins at {begin}, but the one before it ends at {previous_end}"
        )
    return begin, end, fields[2]


def phone_inventory(recordings: Iterable[Segments]) -> list[str]:
    """All phones that occur, sorted: a label index is a place in this list."""
    return sorted({phone for segments in recordings for phone in segments.phones})


def label_at(segments: Segments, samples: np.ndarray, inventory: Sequence[str]) -> np.ndarray:
    """(N,) int64: the row of `inventory` of the phone at each sample, UNLABELLED where none is.

    `samples` (N,) are at LABEL_RATE, and need not be whole or sorted.
    Raises UserError where the recording has a phone that is not in the inventory.
    """
    index = {phone: number for number, phone in enumerate(inventory)}
    for phone in segments.phones:
        if phone not in index:
            raise UserError(
                f"{segments.path}: the phone {phone!r} is not in the inventory."
                + nearest(phone, inventory)
            )
    rows = np.searchsorted(segments.begins, samples, side="right") - 1  # -1: before the first
    inside = (rows >= 0) & (np.asarray(samples) < segments.ends[rows])
    labels = np.array([index[phone] for phone in segments.phones], np.int64)
    return np.where(inside, labels[rows], UNLABELLED)
