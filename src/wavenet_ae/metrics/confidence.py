"""Confidence interval of an accuracy whose rows are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Accuracy and its 95 % confidence interval.

    Attributes:
        mean: The accuracy.
        low: Lower end; NaN for a single unit.
        high: Upper end; NaN for a single unit.
        num_units: Speakers or utterances that were tested.
    """

    mean: float
    low: float
    high: float
    num_units: int


def clustered_interval(correct: np.ndarray, units: np.ndarray) -> Interval:
    """Computes an accuracy and its confidence interval, clustered by speaker or utterance.

    Whole units were sampled at random, not rows: frames of one speaker err together, and an
    interval that takes them for independent is far too narrow. The accuracy is therefore a ratio of
    two sums over U units, with c_u of n_u rows correct (Cochran 1977, Sampling Techniques, sec.
    6.3):

        p = sum_u c_u / sum_u n_u,    var(p) = U / (U - 1) * sum_u (c_u - p n_u)^2 / (sum_u n_u)^2

    The interval is p +- t sqrt(var(p)) with U - 1 degrees of freedom, as few units require (Cameron
    and Miller 2015, A Practitioner's Guide to Cluster-Robust Inference, sec. VI), clipped to [0,
    1].

    Args:
        correct: `(R,)` in [0, 1]: whether each row is correct, or in which share of the
            repetitions.
        units: `(R,)`, the unit of each row.
    """
    _, unit = np.unique(units, return_inverse=True)
    sizes = np.bincount(unit).astype(float)  # n_u
    right = np.bincount(unit, weights=correct)  # c_u
    num_units = len(sizes)
    mean = float(right.sum() / sizes.sum())
    if num_units < 2:
        return Interval(mean, float("nan"), float("nan"), num_units)
    squares = ((right - mean * sizes) ** 2).sum() / sizes.sum() ** 2
    error = np.sqrt(num_units / (num_units - 1) * squares)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, num_units - 1) * error)
    return Interval(mean, max(0.0, mean - reach), min(1.0, mean + reach), num_units)
