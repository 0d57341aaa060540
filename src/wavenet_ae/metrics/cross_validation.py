"""Which rows are tested together, so that no probe is tested on what it was trained on."""

from __future__ import annotations

import numpy as np

from wavenet_ae.randomness import keyed_permutation


def folds_of_groups(groups: np.ndarray, num_folds: int, seed: int) -> np.ndarray:
    """(R,) fold of each row: whole groups (R,) in random order, dealt to folds in turn."""
    names, of = np.unique(groups, return_inverse=True)
    order = keyed_permutation(len(names), seed, "folds of groups")
    return _inverse(order)[of] % num_folds


def folds_of_utterances(
    utterances: np.ndarray, speakers: np.ndarray, num_folds: int, seed: int
) -> np.ndarray:
    """(R,) fold of each row: the utterances (R,) of each speaker (R,) are dealt to folds in turn.

    A speaker of two utterances or more is in at least two folds: whichever is tested, the probe
    has heard the speaker in another utterance.
    """
    folds = np.empty(len(utterances), dtype=np.int64)
    for speaker in np.unique(speakers).tolist():
        own = speakers == speaker
        names, of = np.unique(utterances[own], return_inverse=True)
        # Each begins at a fold of its own, else the first folds would have most utterances.
        order = keyed_permutation(len(names), seed, "folds of utterances", speaker)
        begins = keyed_permutation(num_folds, seed, "first fold", speaker)[0]
        folds[own] = (_inverse(order)[of] + begins) % num_folds
    return folds


def _inverse(order: np.ndarray) -> np.ndarray:
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places
