"""What codes must beat: clusters of the features, found without any network."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from wavenet_ae.errors import UserError


def kmeans_codes(
    frames: np.ndarray, num_codes: int, seed: int = 0, fit_to: np.ndarray | None = None
) -> np.ndarray:
    """(N,) int64 codes of `frames` (N, C): the nearest of `num_codes` k-means centres.

    The centres are fitted to `fit_to` (M, C), by default the frames themselves; every dimension is
    standardised by the mean and deviation that it has there.  Raises UserError if M < num_codes.
    """
    fit_to = frames if fit_to is None else fit_to
    if len(fit_to) < num_codes:
        raise UserError(
            f"k-means with {num_codes} codes needs as many frames, but there are {len(fit_to)}: "
            "give more speech, or ask for fewer codes"
        )
    mean, deviation = fit_to.mean(axis=0), fit_to.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1)  # a constant dimension stays 0
    # One start: k-means++ chooses it well, and more starts change PNMI by less than .01.
    clusters = KMeans(num_codes, n_init=1, random_state=seed).fit((fit_to - mean) / scale)
    return clusters.predict((frames - mean) / scale).astype(np.int64)
