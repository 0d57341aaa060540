"""Durations of units, which are runs of equal codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERCENTILES = (5, 25, 75, 95)


def is_change(codes: np.ndarray) -> np.ndarray:
    """Returns whether each code differs from the one before.

    Args:
        codes: `(N,)`, or `(N, H)`, of which any may differ.

    Returns:
        `(N - 1,)` bool.
    """
    rows = codes.reshape(len(codes), -1)  # (N, Q)
    return (rows[1:] != rows[:-1]).any(axis=1)


@dataclass(frozen=True)
class RunLengths:
    """Histogram of the lengths of runs.

    Attributes:
        counts: `(R,)` int64, runs of each length in codes, from 0 to the longest.
    """

    counts: np.ndarray

    @staticmethod
    def none() -> RunLengths:
        """Returns a histogram without runs."""
        return RunLengths(np.zeros(1, np.int64))

    def added(self, codes: np.ndarray) -> RunLengths:
        """Returns the histogram with the runs of one recording added.

        Its first and last run, which its ends may cut, are counted as long as they are.

        Args:
            codes: `(N,)`, or `(N, H)`, of which equal rows are equal.
        """
        if not len(codes):
            return self
        edges = np.concatenate([[0], np.flatnonzero(is_change(codes)) + 1, [len(codes)]])
        return self + RunLengths(np.bincount(np.diff(edges)))

    def __add__(self, other: RunLengths) -> RunLengths:
        counts = np.zeros(max(len(self.counts), len(other.counts)), np.int64)
        for each in (self.counts, other.counts):
            counts[: len(each)] += each
        return RunLengths(counts)


@dataclass(frozen=True)
class UnitDurations:
    """Durations of units.

    Attributes:
        mean: Mean duration in milliseconds.
        median: Median duration in milliseconds.
        percentiles: Durations in milliseconds at 5, 25, 75 and 95 %.
        single_runs: Share of runs that are one code.
        single_codes: Share of codes that are such a run.
        num_runs: Number of runs.
    """

    mean: float
    median: float
    percentiles: dict[int, float]
    single_runs: float
    single_codes: float
    num_runs: int


def unit_durations(runs: RunLengths, code_milliseconds: float) -> UnitDurations:
    """Computes the durations of units.

    Args:
        runs: Lengths of runs.
        code_milliseconds: Time from one code to the next.

    Raises:
        ValueError: If there is no run.
    """
    num_runs = int(runs.counts.sum())
    if not num_runs:
        raise ValueError("there are no codes, so no unit lasts")
    num_codes = int(runs.counts @ np.arange(len(runs.counts)))
    num_single = int(runs.counts[1])
    return UnitDurations(
        mean=code_milliseconds * num_codes / num_runs,
        median=code_milliseconds * _percentile(runs, 50),
        percentiles={each: code_milliseconds * _percentile(runs, each) for each in PERCENTILES},
        single_runs=num_single / num_runs,
        single_codes=num_single / num_codes,
        num_runs=num_runs,
    )


def _percentile(runs: RunLengths, percent: int) -> int:
    """Returns the least length, in codes, such that `percent` of the runs are no longer."""
    at_most = np.cumsum(runs.counts)
    return int(np.searchsorted(at_most * 100, percent * at_most[-1]))
