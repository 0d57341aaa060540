"""Resampling of waveforms, whole or block by block with the same result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import ceil, gcd
from typing import Any

import numpy as np

# The size of torchaudio's kernel is the product of both terms of the reduced ratio: 160 * 441 from
# 44.1 to 16 kHz, but 16000 * 44099 from 44099 Hz, which is gigabytes.
LARGEST_RATIO_TERM = 1000
# SciPy's filter has 20 taps for each unit of the larger term: 32 MB at this one, but gigabytes
# while it is designed for 767999 Hz, a rate that only damaged headers have.
LARGEST_FILTER_TERM = 200_000
SAMPLES_AT_ONCE = 1 << 22
# Input samples on either side of which an output depends, in units of max(1, down / up): 10 for
# SciPy's filter, 6 / 0.99 for torchaudio's.
HALF_WIDTH = 11


def is_supported(source_rate: int, sample_rate: int) -> bool:
    """Returns whether a rate in Hz can be resampled to another without a filter of gigabytes."""
    return max(_ratio(source_rate, sample_rate)) <= LARGEST_FILTER_TERM


def _ratio(source_rate: int, sample_rate: int) -> tuple[int, int]:
    """Factors `(up, down)` in lowest terms."""
    common = gcd(source_rate, sample_rate)
    return sample_rate // common, source_rate // common


def resample(waveform: np.ndarray, source_rate: int, sample_rate: int) -> np.ndarray:
    """Resamples a waveform.

    Args:
        waveform: `(T',)` float32.
        source_rate: Rate of the waveform in Hz.
        sample_rate: Rate of the result in Hz.

    Returns:
        `(ceil(T' * sample_rate / source_rate),)` float32.
    """
    if source_rate == sample_rate:
        return waveform
    up, down = _ratio(source_rate, sample_rate)
    waveform = waveform.astype(np.float32, copy=False)
    if max(up, down) > LARGEST_RATIO_TERM:
        from scipy.signal import resample_poly  # rarely needed, and the import takes 0.5 s

        return resample_poly(waveform, up, down, window=_filter(max(up, down)))
    import torch  # takes 2 s, which packing without resampling saves

    if not waveform.flags.writeable:  # such as a memory map, of which torch warns
        waveform = waveform.copy()
    with torch.inference_mode():
        return _transform(up, down)(torch.from_numpy(waveform)).numpy()


@lru_cache(maxsize=4)
def _transform(up: int, down: int) -> Any:
    import torch

    from wavenet_ae.audio.backend import torchaudio

    return torchaudio.transforms.Resample(down, up, dtype=torch.float32)


@lru_cache(maxsize=1)
def _filter(largest_term: int) -> np.ndarray:
    """SciPy's default filter of `resample_poly`, which it would design for each block."""
    from scipy.signal import firwin

    taps = firwin(20 * largest_term + 1, 1.0 / largest_term, window=("kaiser", 5.0))
    return taps.astype(np.float32)


def resample_blocks(
    blocks: Iterable[np.ndarray], source_rate: int, sample_rate: int
) -> Iterator[np.ndarray]:
    """Resamples successive blocks of a waveform; together they are what `resample` makes of it.

    Memory does not grow with the waveform.  Each piece is resampled with samples beside it, as many
    as its outputs depend on, and starts where an input and an output coincide:

        |  margin  |     step     |  margin  |     multiples of `down` input samples
                   |   yielded    |

    Args:
        blocks: `(n,)` float32 each.
        source_rate: Rate of the waveform in Hz.
        sample_rate: Rate of the result in Hz.
    """
    if source_rate == sample_rate:
        yield from blocks
        return
    up, down = _ratio(source_rate, sample_rate)
    margin = ceil(HALF_WIDTH * max(1.0, down / up) / down + 1) * down
    step = ceil(SAMPLES_AT_ONCE / down) * down
    held, before = np.zeros(0, np.float32), 0  # of `held`, the first `before` samples are done
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= before + step + margin:
            piece = resample(held[: before + step + margin], source_rate, sample_rate)
            yield piece[before // down * up : (before + step) // down * up]
            first = max(before + step - margin, 0)
            held, before = held[first:], before + step - first
    if len(held) > before:
        yield resample(held, source_rate, sample_rate)[before // down * up :]
