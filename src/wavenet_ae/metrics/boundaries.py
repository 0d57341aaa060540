"""Phone boundaries and changes of codes: do codes change where phones do?

    phones   |  s  |    ih    |  t  |
    codes     7 7 7 4 4 4 4 2 2 2 9 9     a change lies midway between the anchors of its codes
                   |         |     |

A phone boundary is an instant at which one labeled segment ends and the next one begins. The edges
of unlabeled stretches, including the ends of a recording, are counted separately, because it is
unknown whether a phone changes there. So is a change that matches no boundary and lies in an
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
    """Counts of boundaries and changes, summed over recordings.

    Attributes:
        num_hits: Pairs of a boundary and a change; each is in one pair at most.
        num_reference: Boundaries that are evaluated.
        num_edges: Edges of unlabeled stretches, left out.
        num_found: Changes that are evaluated.
        num_unlabeled: Changes in unlabeled stretches, left out.
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
    """Metrics of boundaries; NaN if they would divide by zero.

    Attributes:
        precision: Hits / changes.
        recall: Hits / boundaries.
        f1: Harmonic mean of precision and recall.
        over_segmentation: Changes / boundaries - 1.
        r_value: 1 if precision and recall are perfect; unlike f1, changes everywhere do not raise
            it.
    """

    precision: float
    recall: float
    f1: float
    over_segmentation: float
    r_value: float


def change_seconds(codes: np.ndarray, anchors: np.ndarray, sample_rate: int) -> np.ndarray:
    """Returns the instants at which codes change.

    Sample i lasts from i / rate to (i + 1) / rate seconds. Its middle is the instant of an anchor
    at i, while labels begin and end at the edges of samples.

    Args:
        codes: `(N,)`, or `(N, H)`, of which any may change.
        anchors: `(N,)` samples.
        sample_rate: Rate of the anchors in Hz.

    Returns:
        `(C,)` seconds.
    """
    return possible_changes(anchors, sample_rate)[is_change(codes)]


def possible_changes(anchors: np.ndarray, sample_rate: int) -> np.ndarray:
    """Returns the instants `(N - 1,)` in seconds between codes that are anchored at samples."""
    return ((anchors[1:] + anchors[:-1]) / 2 + 0.5) / sample_rate


def evenly_spaced(num_changes: int, instants: np.ndarray) -> np.ndarray:
    """Returns some of the possible changes, as evenly spaced as they allow.

    It is a control without any input. It has the instants of the codes to choose from, because
    where labels lie on a grid as well, an instant on that grid is within the tolerance of more
    boundaries than one beside it.

    Args:
        num_changes: Number of changes, at most N.
        instants: `(N,)`, see `possible_changes`.
    """
    middles = (2 * np.arange(num_changes) + 1) * len(instants) // (2 * max(num_changes, 1))
    return instants[middles]


def boundary_counts(
    changes: np.ndarray, segments: Segments, tolerance: float = TOLERANCE_SECONDS
) -> BoundaryCounts:
    """Matches changes with boundaries.

    Args:
        changes: `(C,)` sorted instants in seconds.
        segments: Segments of the same recording.
        tolerance: Largest distance of a hit in seconds.
    """
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
    """Computes the metrics of boundary counts.

    The R-value is that of Rasanen, Laine and Altosaar 2009, "An improved speech segmentation
    quality measure: the R-value", eq. 5 to 7, with fractions in place of percentages.
    """
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
    """Returns whether each change `(C,)` is paired with a boundary at most `tolerance` away.

    The earliest two that are close enough are paired, again and again; of two that are not, the
    earlier one has no partner. On a line, no other method finds more pairs.
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
    """Returns whether labeled segments cover each instant and more than `margin` around it."""
    if not len(begins):
        return np.zeros(len(instants), bool)
    # First and last instant of each labeled stretch.
    first, last = begins[~np.isin(begins, ends)], ends[~np.isin(ends, begins)]
    rows = np.searchsorted(first, instants, side="right") - 1
    start = np.append(first, np.inf)[rows]  # row -1, before the first stretch, is in none
    return (instants - start > margin) & (last[rows] - instants > margin)


def _ratio(count: int, total: int) -> float:
    return count / total if total else float("nan")
