"""Fundamental frequency of single frames by the normalized autocorrelation of Boersma (1993).

"Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", as in Praat, but frame by frame: there is no search for a path through the
candidates.

The autocorrelation of a windowed frame divided by that of the window is the autocorrelation of the
frame itself: 1 at the period of a periodic signal, although the window fades, and smaller by the
share of noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

LOWEST_HZ, HIGHEST_HZ = 75.0, 500.0
NUM_PERIODS = 3  # periods of the lowest frequency in a frame: 40 ms
FINER = 4  # lags per sample, by band-limited interpolation
IS_VOICED = 0.5  # least autocorrelation at the period
OCTAVE_COST = 0.05  # penalty per octave down, because every multiple of a period is a period too


def frame_size(rate: int) -> int:
    """Returns the samples of a frame, 40 ms, at a rate in Hz."""
    return round(NUM_PERIODS / LOWEST_HZ * rate)


def frame_f0(frames: Tensor, rate: int) -> Tensor:
    """Estimates the fundamental frequency of each frame.

    Args:
        frames: `(F, size)` samples, see `frame_size`.
        rate: Sample rate in Hz.

    Returns:
        `(F,)` Hz from 75 to 500; NaN for an unvoiced frame.
    """
    if not len(frames):
        return frames.new_empty(0)  # MKL has no transform of nothing
    correlation = _autocorrelation(frames - frames.mean(dim=1, keepdim=True))  # (F, lags)
    shortest, longest = (round(FINER * rate / hz) for hz in (HIGHEST_HZ, LOWEST_HZ))
    best, is_peak = _strongest(correlation, shortest, longest)
    is_voiced = is_peak & (correlation.gather(1, best[:, None])[:, 0] >= IS_VOICED)
    return torch.where(is_voiced, FINER * rate / best.to(frames.dtype), torch.nan)


def _strongest(correlation: Tensor, shortest: int, longest: int) -> tuple[Tensor, Tensor]:
    """Returns the lag `(F,)` of the best peak of each frame, and whether the frame has a peak
    `(F,)`.
    """
    middle = correlation[:, shortest : longest + 1]
    before, after = (correlation[:, shortest + shift : longest + 1 + shift] for shift in (-1, 1))
    is_peak = (middle > before) & (middle >= after)
    lags = torch.arange(shortest, longest + 1, device=middle.device, dtype=middle.dtype)
    ranked = (middle - OCTAVE_COST * lags.log2()).masked_fill(~is_peak, -torch.inf)
    return ranked.argmax(dim=1) + shortest, is_peak.any(dim=1)


def _autocorrelation(frames: Tensor) -> Tensor:
    """Returns the autocorrelation `(F, lags)`, 1 at lag 0; lags in samples / FINER, up to half a
    window.
    """
    size = frames.shape[1]
    window = torch.hann_window(size + 2, False, dtype=frames.dtype, device=frames.device)[1:-1]
    windowed, fading = (_lagged(each) for each in (frames * window, window[None]))
    windowed = windowed / windowed[:, :1].clamp_min(torch.finfo(frames.dtype).tiny)
    return windowed / (fading / fading[:, :1])


def _lagged(windowed: Tensor) -> Tensor:
    size = windowed.shape[1]
    num_bins = 1 << (size + size // 2 - 1).bit_length()  # long enough that no lag wraps around
    power = torch.fft.rfft(windowed, num_bins).abs().square()
    power[:, -1] /= 2  # the Nyquist bin is split into two in the longer transform
    return torch.fft.irfft(power, FINER * num_bins)[:, : FINER * size // 2] * FINER
