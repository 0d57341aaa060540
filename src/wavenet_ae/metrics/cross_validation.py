"""Cross-validation of probes: folds of speakers or utterances, and the interval of an accuracy.

Rows of one speaker or utterance are not independent. Folds keep them together, and the interval
counts speakers or utterances instead of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from wavenet_ae.randomness import keyed_permutation

LEVEL = 0.95


def folds_of_groups(groups: np.ndarray, num_folds: int, seed: int) -> np.ndarray:
    """Deals whole groups to folds in random order.

    Args:
        groups: `(R,)`, the group of each row.
        num_folds: Number of folds.
        seed: Key of the order.

    Returns:
        `(R,)`, the fold of each row.
    """
    names, group = np.unique(groups, return_inverse=True)
    order = keyed_permutation(len(names), seed, "folds of groups")
    return _inverse(order)[group] % num_folds


def folds_of_utterances(
    utterances: np.ndarray, speakers: np.ndarray, num_folds: int, seed: int
) -> np.ndarray:
    """Deals the utterances of each speaker to folds in turn.

    A speaker with two or more utterances is in at least two folds: whichever fold is tested, the
    probe was trained on another utterance of the speaker.

    Args:
        utterances: `(R,)`, the utterance of each row.
        speakers: `(R,)`, the speaker of each row.
        num_folds: Number of folds.
        seed: Key of the order.

    Returns:
        `(R,)`, the fold of each row.
    """
    folds = np.empty(len(utterances), dtype=np.int64)
    for speaker in np.unique(speakers).tolist():
        own = speakers == speaker
        names, utterance = np.unique(utterances[own], return_inverse=True)
        # Each speaker begins at another fold; otherwise the first folds would be the largest.
        order = keyed_permutation(len(names), seed, "folds of utterances", speaker)
        begins = keyed_permutation(num_folds, seed, "first fold", speaker)[0]
        folds[own] = (_inverse(order)[utterance] + begins) % num_folds
    return folds


def _inverse(order: np.ndarray) -> np.ndarray:
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places


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
