"""Folds of cross-validation, which keep the test rows of a probe out of its training."""

from __future__ import annotations

import numpy as np

from wavenet_ae.randomness import keyed_permutation


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
