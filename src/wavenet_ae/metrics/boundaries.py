"""Do codes change where phones do?

    phones   |  s  |    ih    |  t  |
    codes     7 7 7 4 4 4 4 2 2 2 9 9     a change lies midway between the anchors of its codes
                   |         |     |

A phone boundary is an instant at which one labeled segment ends and the next one begins.  The
edges of unlabeled stretches, and with them the ends of a recording, are left out and counted:
whether a phone changes there is not known.  So is a change that meets no boundary and lies in an
unlabeled stretch, or within the tolerance of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from wavenet_ae.labels import Segments
from wavenet_ae.metrics.durations import is_change

TOLERANCE_SECONDS = 0.020
ROUNDING_SECONDS = 1e-9  # a difference of exactly the tolerance is within it


@dataclass(frozen=True)
class BoundaryCounts:
    """Sums over recordings.

    num_hits       pairs of a boundary and a change, neither in two pairs
    num_reference  boundaries that count; `num_edges` were left out
    num_found      changes that count; `num_unlabeled` were left out
    """

    num_hits: int = 0
    num_reference: int = 0
    num_edges: int = 0
    num_found: int = 0
    num_unlabeled: int = 0

    def __add__(self, other: BoundaryCounts) -> BoundaryCounts:
        return BoundaryCounts(
            self.num_hits + other.num_hits,
            self.num_reference + other.num_reference,
            self.num_edges + other.num_edges,
            self.num_found + other.num_found,
            self.num_unlabeled + other.num_unlabeled,
        )


@dataclass(frozen=True)
class BoundaryQuality:
    """precision          hits / changes
    recall             hits / boundaries
    f1                 their harmonic mean
    over_segmentation  changes / boundaries - 1
    r_value            1 where both are perfect; unlike f1, not raised by changes everywhere

    nan where there is nothing to divide by.
    """

    precision: float
    recall: float
    f1: float
    over_segmentation: float
    r_value: float


def change_seconds(codes: np.ndarray, anchors: np.ndarray, sample_rate: int) -> np.ndarray:
    """(C,) instants at which codes (N,), or any of codes (N, Q), change; anchors (N,) samples."""
    return (anchors[1:] + anchors[:-1])[is_change(codes)] / (2 * sample_rate)


def uniform_seconds(num_changes: int, begin: float, end: float) -> np.ndarray:
    """(num_changes,) instants that divide an interval evenly: a control that has heard nothing."""
    return np.linspace(begin, end, num_changes + 2)[1:-1]


def boundary_counts(
    changes: np.ndarray, segments: Segments, tolerance: float = TOLERANCE_SECONDS
) -> BoundaryCounts:
    """Of changes (C,), sorted instants in seconds, and the segments of the same recording."""
    is_counted = np.array([label is not None for label in segments.labels], bool)
    begins, ends = segments.begins[is_counted], segments.ends[is_counted]
    reference = np.intersect1d(begins, ends)
    within = tolerance + ROUNDING_SECONDS
    is_hit = _hits(reference, changes, within)
    is_left_out = ~is_hit & ~_is_inside(changes, begins, ends, within)
    return BoundaryCounts(
        num_hits=int(is_hit.sum()),
        num_reference=len(reference),
        num_edges=len(np.setxor1d(begins, ends)),
        num_found=int((~is_left_out).sum()),
        num_unlabeled=int(is_left_out.sum()),
    )


def boundary_quality(counts: BoundaryCounts) -> BoundaryQuality:
    """R-value: Rasanen, Laine and Altosaar 2009, "An improved speech segmentation quality measure:
    the R-value", eq. 5 to 7, with shares in place of percentages."""
    precision = _ratio(counts.num_hits, counts.num_found)
    recall = _ratio(counts.num_hits, counts.num_reference)
    over = _ratio(counts.num_found, counts.num_reference) - 1
    to_target = sqrt((1 - recall) ** 2 + over**2)
    to_line = (-over + recall - 1) / sqrt(2)
    return BoundaryQuality(
        precision=precision,
        recall=recall,
        f1=_ratio(2 * counts.num_hits, counts.num_found + counts.num_reference),
        over_segmentation=over,
        r_value=1 - (to_target + abs(to_line)) / 2,
    )


def _hits(reference: np.ndarray, changes: np.ndarray, tolerance: float) -> np.ndarray:
    """(C,) whether a change is paired with a boundary, no more than `tolerance` away.

    The earliest two that are near enough are paired, again and again; of two that are not, the
    earlier one has no partner.  On a line no other way finds more pairs.
    """
    is_hit = np.zeros(len(changes), bool)
    row = column = 0
    while row < len(reference) and column < len(changes):
        late = changes[column] - reference[row]
        is_hit[column] = abs(late) <= tolerance
        row, column = row + (late >= -tolerance), column + (late <= tolerance)
    return is_hit


def _is_inside(
    instants: np.ndarray, begins: np.ndarray, ends: np.ndarray, margin: float
) -> np.ndarray:
    """Whether labeled segments that meet cover an instant, and more than `margin` around it."""
    if not len(begins):
        return np.zeros(len(instants), bool)
    first, last = begins[~np.isin(begins, ends)], ends[~np.isin(ends, begins)]  # of each stretch
    rows = np.searchsorted(first, instants, side="right") - 1
    start = np.append(first, np.inf)[rows]  # row -1, before the first stretch, is in none
    return (instants - start > margin) & (last[rows] - instants > margin)


def _ratio(count: int, total: int) -> float:
    return count / total if total else float("nan")
