"""k-means on acoustic features."""

from __future__ import annotations

import numpy as np
import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.metrics.baselines import kmeans_codes
from wavenet_ae.metrics.units import unit_quality


def clusters(num_frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames around three centers; the second dimension is loud noise, the third constant."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, num_frames)
    frames = np.stack([10.0 * labels, 50 * rng.random(num_frames), np.ones(num_frames)], axis=1)
    frames[:, 0] += 0.1 * rng.standard_normal(num_frames)
    return frames.astype(np.float32), labels


def test_k_means_finds_separate_clusters() -> None:
    frames, labels = clusters(900, seed=0)
    codes = kmeans_codes(frames, num_codes=12)
    assert codes.shape == (900,) and codes.dtype == np.int64
    assert unit_quality(codes, labels, 12, 3).pnmi > 0.99


def test_dimensions_have_equal_weight() -> None:
    # Unless standardized, the loud dimension would make all of the 6 codes.
    frames, labels = clusters(900, seed=0)
    loud = frames * np.array([1, 1000, 1], np.float32)
    assert (kmeans_codes(frames, 6) == kmeans_codes(loud, 6)).mean() > 0.99
    assert unit_quality(kmeans_codes(loud, 6), labels, 6, 3).pnmi > 0.8


def test_a_seed_gives_the_same_codes_again() -> None:
    frames, _ = clusters(300, seed=0)
    np.testing.assert_array_equal(kmeans_codes(frames, 8, seed=3), kmeans_codes(frames, 8, seed=3))


def test_codes_of_other_frames_use_the_centers_and_scale_of_the_fitted_ones() -> None:
    fitted, _ = clusters(900, seed=0)
    all_codes = kmeans_codes(fitted, 6)
    np.testing.assert_array_equal(kmeans_codes(fitted[:5], 6, fit_to=fitted), all_codes[:5])


def test_too_few_frames_is_an_error() -> None:
    with pytest.raises(UserError, match=r"64 codes.* 10"):
        kmeans_codes(np.zeros((10, 2)), 64)
