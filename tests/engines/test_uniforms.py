"""Random numbers that depend on stream and sample alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wavenet_ae.engines import stream_seed, stream_uniforms

WHOLE = stream_uniforms([7, 8], 0, 200)


@given(st.integers(0, 150), st.integers(0, 50))
def test_any_chunk_is_part_of_the_whole(first, size):
    assert np.array_equal(stream_uniforms([8], first, size)[0], WHOLE[1, first : first + size])


def test_golden_numbers():
    """They must never change: what was generated could not be generated again."""
    assert stream_uniforms([1], 0, 4)[0].tolist() == GOLDEN


def test_streams_differ_by_seed_and_name():
    seeds = {stream_seed(seed, name) for seed in (0, 1) for name in ("a", "b")}
    assert len(seeds) == 4
    assert not np.array_equal(*stream_uniforms(sorted(seeds)[:2], 0, 9))


def test_random_numbers_of_sampling_are_uniform():
    numbers = stream_uniforms(range(100), 10**12, 1000)
    assert numbers.dtype == np.float32 and numbers.min() >= 0 and numbers.max() < 1
    counts = np.bincount((numbers * 20).astype(int).ravel(), minlength=20)
    assert abs(counts - 5000).max() < 300, "about four standard deviations"


GOLDEN = [0.3035680055618286, 0.8487087488174438, 0.1561347246170044, 0.031106412410736084]
