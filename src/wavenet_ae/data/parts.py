"""Parts of recordings: segments that a table lists, and pieces of a recording that is cut by time.

    anna/talk.wav        |------------------------------------------|  the recording, packed whole
    anna/talk@3-7.5.wav           |-----------|                        an utterance, begin to end

A part is a range of the samples of a recording, so other parts of the same recordings decode
nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wavenet_ae.errors import UserError

# Tables round times, most of them to hundredths of a second: an end may lie this much too late.
TOLERANCE_SECONDS = 0.01
LARGEST_SECONDS = 1e9  # of a recording; more is a time in samples or a date


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a recording.

    Attributes:
        recording: Key of the whole recording.
        begin: Seconds from the recording's start.
        end: Seconds from there; None for the end of the recording.
        where: File and line that list it, for error messages.
        group: Name that is the same for parts that overlap, which no two splits may share.
    """

    recording: str
    begin: float
    end: float | None
    where: str
    group: str = ""

    def samples(self, length: int, sample_rate: int) -> tuple[int, int]:
        """Returns the first sample of the part and the sample after its last.

        Args:
            length: Samples of the whole recording.
            sample_rate: Rate in Hz.

        Raises:
            UserError: If the part goes beyond the recording, or holds no sample; names the line.
        """
        seconds = length / sample_rate
        if self.end is not None and self.end > seconds + TOLERANCE_SECONDS:
            raise UserError(
                f"{self.where}: end {self.end:g} lies beyond the recording {self.recording}, which "
                f"has {seconds:.3f} s: fix the time, in seconds, or leave it empty"
            )
        first = round(self.begin * sample_rate)
        stop = length if self.end is None else min(round(self.end * sample_rate), length)
        if first >= length:
            raise UserError(
                f"{self.where}: begin {self.begin:g} lies beyond the recording {self.recording}, "
                f"which has {seconds:.3f} s: fix the time, in seconds"
            )
        if first >= stop:
            raise UserError(
                f"{self.where}: from {self.begin:g} to {self.end:g} s there is no sample at "
                f"{sample_rate} Hz: fix the times"
            )
        return first, stop

    def of_blocks(self, blocks: Iterable[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
        """Yields the samples of the part, of successive blocks `(n,)` of the whole recording.

        Raises:
            UserError: As `samples` does, after the blocks before the recording's end.
        """
        length = 0
        first = round(self.begin * sample_rate)
        stop = None if self.end is None else round(self.end * sample_rate)
        for block in blocks:  # to the last one: a damaged recording is found at its end
            kept = block[max(first - length, 0) : None if stop is None else max(stop - length, 0)]
            length += len(block)
            if len(kept):
                yield kept
        self.samples(length, sample_rate)


def parsed_times(begin: str, end: str, where: str) -> tuple[float, float | None] | None:
    """Reads the cells `begin` and `end` of a table; None if both are empty.

    Args:
        begin: Seconds; empty for the recording's start.
        end: Seconds; empty for the recording's end.
        where: File and line, for error messages.

    Raises:
        UserError: If one is not a time, or the part does not begin before it ends.
    """
    if not begin and not end:
        return None
    first = _seconds("begin", begin, where) if begin else 0.0
    stop = _seconds("end", end, where) if end else None
    if stop is not None and first >= stop:
        raise UserError(
            f"{where}: begin {begin or 0} must be less than end {end}: give both in seconds from "
            "the recording's start"
        )
    return first, stop


def _seconds(column: str, cell: str, where: str) -> float:
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LARGEST_SECONDS:  # NaN is not
        raise UserError(
            f"{where}: {column} {cell!r} is not a time: use seconds from the recording's start, "
            "such as 12.5, or leave it empty"
        )
    return seconds


def part_key(recording: str, begin: float, end: float | None) -> str:
    """Returns the key of a part: the times stand before the suffix, as in `anna/talk@3-7.5.wav`.

    Args:
        recording: Key of the recording, with suffix.
        begin: Seconds.
        end: Seconds; None for the recording's end.
    """
    stem, suffix = os.path.splitext(recording)
    return f"{stem}@{_short(begin)}-{'' if end is None else _short(end)}{suffix}"


def _short(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def overlap_groups(ranges: Sequence[tuple[float, float | None]]) -> list[int]:
    """Groups ranges that overlap, directly or through others.

    Args:
        ranges: Begin and end of each; an end of None is open.

    Returns:
        For each range the index of the earliest one of its group.
    """
    ends = [math.inf if end is None else end for _, end in ranges]
    groups = [0] * len(ranges)
    first, reached = 0, -math.inf
    for row in sorted(range(len(ranges)), key=lambda row: (ranges[row][0], ends[row], row)):
        if ranges[row][0] >= reached:
            first = row
        reached = max(reached, ends[row])
        groups[row] = first
    return groups
