"""What codes must beat: clusters of the features, found without any network."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from wavenet_ae.errors import UserError


class Clusters:
    """k-means centers fitted to `frames` (M, C), every dimension standardized by the mean and
    deviation that it has there.  Raises UserError if M < num_codes."""

    def __init__(self, frames: np.ndarray, num_codes: int, seed: int = 0) -> None:
        if len(frames) < num_codes:
            raise UserError(
                f"k-means with {num_codes} codes needs as many frames, but there are "
                f"{len(frames)}: give more speech, or ask for fewer codes"
            )
        self.mean, deviation = frames.mean(axis=0), frames.std(axis=0)
        self.scale = np.where(deviation > 0, deviation, 1)  # a constant dimension stays 0
        # One start: k-means++ chooses it well, and more starts change PNMI by less than .01.
        self.centers = KMeans(num_codes, n_init=1, random_state=seed).fit(self._scaled(frames))

    def codes(self, frames: np.ndarray) -> np.ndarray:
        """(N, C) -> (N,) int64, the nearest center of each."""
        return self.centers.predict(self._scaled(frames)).astype(np.int64)

    def _scaled(self, frames: np.ndarray) -> np.ndarray:
        return (frames - self.mean) / self.scale


def kmeans_codes(
    frames: np.ndarray, num_codes: int, seed: int = 0, fit_to: np.ndarray | None = None
) -> np.ndarray:
    """(N,) int64 codes of `frames` (N, C), in clusters of `fit_to` (M, C), by default of the frames
    themselves; see Clusters."""
    return Clusters(frames if fit_to is None else fit_to, num_codes, seed).codes(frames)
