"""k-means clusters of acoustic features, a baseline for codes without any network."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from wavenet_ae.errors import UserError


class Clusters:
    """k-means centers of frames, every dimension standardized.

    Args:
        frames: `(M, C)` frames to fit.
        num_codes: Number of centers.
        seed: Seed of the first centers.

    Raises:
        UserError: If there are fewer frames than centers.
    """

    def __init__(self, frames: np.ndarray, num_codes: int, seed: int = 0) -> None:
        if len(frames) < num_codes:
            raise UserError(
                f"k-means with {num_codes} codes needs as many frames, but there are "
                f"{len(frames)}: use more speech or fewer codes"
            )
        self.mean, deviation = frames.mean(axis=0), frames.std(axis=0)
        self.scale = np.where(deviation > 0, deviation, 1)  # a constant dimension becomes 0
        # One start: k-means++ chooses good centers, and more starts change PNMI by less than .01.
        centers = KMeans(num_codes, n_init=1, random_state=seed, copy_x=False)  # x is a copy
        self.centers = centers.fit(self._scaled(frames))

    def codes(self, frames: np.ndarray) -> np.ndarray:
        """Returns the nearest center of each frame: `(N, C)` to `(N,)` int64."""
        return self.centers.predict(self._scaled(frames)).astype(np.int64)

    def _scaled(self, frames: np.ndarray) -> np.ndarray:
        return (frames - self.mean) / self.scale


def kmeans_codes(
    frames: np.ndarray, num_codes: int, seed: int = 0, fit_to: np.ndarray | None = None
) -> np.ndarray:
    """Returns the codes of frames in k-means clusters, see `Clusters`.

    Args:
        frames: `(N, C)`.
        num_codes: Number of clusters.
        seed: Seed of the first centers.
        fit_to: `(M, C)` frames to fit; by default `frames`.

    Returns:
        `(N,)` int64.
    """
    return Clusters(frames if fit_to is None else fit_to, num_codes, seed).codes(frames)
