"""Labeled segments of a recording, and the label at an instant.

Times are float64 seconds, each the float nearest to what its file says: one division of whole
samples by a rate, or one decimal. Equal instants are then equal floats, whatever file they come
from, so that a code that stands exactly on a boundary belongs to the segment that begins there.
Where a program has computed or rounded times, an end and the begin that follows it can differ a
little; within a millisecond they are taken as one boundary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.reading import read_text

TOLERANCE_SECONDS = 1e-3  # by which programs that compute and round times may miss a boundary
WHOLE_SAMPLES = 1e-4  # by which a time may miss a whole sample: times are rounded as floats
SHORTEST_SECONDS = 1e-9  # of a segment in which anything can be
UNLABELED = -1  # no segment covers the instant
EXCLUDED = -2  # a segment does, but a mapping excludes its label


class DamagedLabels(UserError):
    """Labels of a recording that cannot be read; those of other recordings can be."""


@dataclass(frozen=True)
class Segments:
    """Segments of one recording: sorted and not overlapping, possibly with gaps, possibly none.

    Attributes:
        begins: `(S,)` float64 seconds.
        ends: `(S,)` float64 seconds, exclusive.
        labels: S names; None where a mapping excludes the label.
        path: File that they come from, for error messages.
        num_empty: Segments of the file that are left out because they have no length, such as the
            short pauses of forced aligners.
    """

    begins: np.ndarray
    ends: np.ndarray
    labels: tuple[str | None, ...]
    path: Path
    num_empty: int = 0


class Row(NamedTuple):
    """Segment in a file, in seconds; `where` is file and line, for error messages."""

    begin: float
    end: float
    label: str
    where: str


def segments_of(rows: Iterable[Row], path: Path, remedy: str = "") -> Segments:
    """Builds segments from rows in order of time.

    A begin within TOLERANCE_SECONDS of the end before it, or of 0, is the same instant.

    Args:
        rows: Rows of one recording.
        path: File that they come from.
        remedy: Advice that is appended to the error about overlaps.

    Raises:
        DamagedLabels: If a row is not a segment, or begins before the previous row ends; names the
            row.
    """
    kept: list[Row] = []
    num_empty = 0
    for row in rows:
        _require_segment(row)
        begin = max(row.begin, 0.0)
        if kept and abs(begin - kept[-1].end) <= TOLERANCE_SECONDS:
            begin = max(begin, kept[-1].begin)
            kept[-1] = kept[-1]._replace(end=begin)
            if _is_empty(kept[-1]):
                kept.pop()
                num_empty += 1
        elif kept and begin < kept[-1].end:
            overlap = kept[-1].end - begin
            raise DamagedLabels(
                f"{row.where}: it begins before the segment above it has ended, by {overlap:.4g} s"
                f"{remedy}"
            )
        row = row._replace(begin=begin)
        if _is_empty(row):
            num_empty += 1
        else:
            kept.append(row)
    begins = np.array([row.begin for row in kept], np.float64)
    ends = np.array([row.end for row in kept], np.float64)
    return Segments(begins, ends, tuple(row.label for row in kept), path, num_empty)


def segments_within(segments: Segments, begin: int, num_samples: int, sample_rate: int) -> Segments:
    """Returns the segments of a part of a recording, in seconds from the part's begin.

    Segments that reach beyond the part are cut there; `num_empty` is 0, as empty segments count
    for the whole recording only. Times that are whole samples stay so: equal
    instants are equal floats in the part, too.

    Args:
        segments: Segments of the whole recording.
        begin: Sample at which the part begins.
        num_samples: Samples of the part.
        sample_rate: Rate of these samples in Hz.
    """

    def shifted(seconds: np.ndarray) -> np.ndarray:
        samples = seconds * sample_rate
        whole = np.rint(samples)
        samples = np.where(np.abs(samples - whole) < WHOLE_SAMPLES, whole, samples) - begin
        return np.clip(samples, 0, num_samples) / sample_rate

    begins, ends = shifted(segments.begins), shifted(segments.ends)
    kept = ends - begins >= SHORTEST_SECONDS
    labels = tuple(label for label, is_in in zip(segments.labels, kept, strict=True) if is_in)
    return replace(segments, begins=begins[kept], ends=ends[kept], labels=labels, num_empty=0)


def _require_segment(row: Row) -> None:
    is_ordered = -TOLERANCE_SECONDS <= row.begin <= row.end + TOLERANCE_SECONDS
    if not (is_ordered and isfinite(row.begin) and isfinite(row.end)):
        raise DamagedLabels(f"{row.where}: a segment must begin at 0 or later, and then end")


def _is_empty(row: Row) -> bool:
    return row.end - row.begin < SHORTEST_SECONDS


def read_lines(path: Path) -> list[str]:
    """Reads the lines of a UTF-8 text file, with or without a byte order mark.

    Raises:
        DamagedLabels: If the file cannot be read.
    """
    try:
        return read_text(path).splitlines()
    except UserError as error:
        raise DamagedLabels(f"cannot read the labels: {error}") from None


def label_inventory(recordings: Iterable[Segments]) -> list[str]:
    """Returns all labels that occur, sorted; the number of a label is its place in this list."""
    return sorted({each for segments in recordings for each in segments.labels if each is not None})


def label_at(segments: Segments, seconds: np.ndarray, inventory: Sequence[str]) -> np.ndarray:
    """Looks up the label at each instant.

    Args:
        segments: Segments of the recording.
        seconds: `(N,)` instants, not necessarily sorted. Exact at boundaries if they are samples
            divided by a rate.
        inventory: Labels by number, see `label_inventory`.

    Returns:
        `(N,)` int64: the number of the label, UNLABELED or EXCLUDED.

    Raises:
        UserError: If a label of the recording is not in the inventory.
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
    # Row -1, before the first segment, is the appended one, which is unlabeled.
    rows = np.searchsorted(segments.begins, seconds, side="right") - 1
    return np.where(np.asarray(seconds) < ends[rows], numbers[rows], UNLABELED)
