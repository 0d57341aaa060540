"""How far an accuracy may be trusted, given that frames of a speaker, or utterance, are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An accuracy and its 95 % confidence interval; low and high are nan of a single unit.

    num_units  speakers, or utterances, that were tested
    """

    mean: float
    low: float
    high: float
    num_units: int


def clustered_interval(correct: np.ndarray, units: np.ndarray) -> Interval:
    """Of rows (R,) that are right (1), wrong (0) or right in a share of the repetitions, and the
    unit (R,) that each belongs to.

    Whole units are what was drawn at random, not rows: frames of one speaker err together, and an
    interval that takes them for independent is far too narrow.  So the accuracy is a ratio of two
    sums over U units, c_u right of n_u (Cochran 1977, Sampling Techniques, sec. 6.3):

        p = sum_u c_u / sum_u n_u,    var(p) = U / (U - 1) * sum_u (c_u - p n_u)^2 / (sum_u n_u)^2

    and the interval is p +- t sqrt(var(p)) with U - 1 degrees of freedom, which few units need
    (Cameron and Miller 2015, A Practitioner's Guide to Cluster-Robust Inference, sec. VI).  It is
    cut to [0, 1].
    """
    _, of = np.unique(units, return_inverse=True)
    sizes = np.bincount(of).astype(float)  # n_u
    right = np.bincount(of, weights=correct)  # c_u
    num_units = len(sizes)
    mean = float(right.sum() / sizes.sum())
    if num_units < 2:
        return Interval(mean, float("nan"), float("nan"), num_units)
    squares = ((right - mean * sizes) ** 2).sum() / sizes.sum() ** 2
    error = np.sqrt(num_units / (num_units - 1) * squares)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, num_units - 1) * error)
    return Interval(mean, max(0.0, mean - reach), min(1.0, mean + reach), num_units)
