"""The random numbers of generation: a function of the stream and of the sample's number alone.

Whatever engine draws, in whatever batch and in chunks of whatever size: sample `t` of a stream is
drawn by the same number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wavenet_ae.randomness import keyed_seed

BITS_PER_COUNT = 4  # 64-bit words that Philox-4x64 gives for one value of its counter


def stream_seed(seed: int, name: str) -> int:
    """The seed of one stream of a generation."""
    return keyed_seed(seed, "generation", name)


def stream_uniforms(seeds: Sequence[int], first: int, size: int) -> np.ndarray:
    """(B, size) float32 in [0, 1): those of samples `first ..` of streams with these seeds."""
    return np.stack([_uniforms(seed, first, size) for seed in seeds])


def _uniforms(seed: int, first: int, size: int) -> np.ndarray:
    count, skipped = divmod(first, BITS_PER_COUNT)
    bits = np.random.Philox(key=seed, counter=count).random_raw(skipped + size)[skipped:]
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
