"""Fundamental frequency by the normalized autocorrelation of Boersma (1993).

"Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", as in Praat, but frame by frame: there is no search for a path through the
candidates.

The autocorrelation of a windowed frame divided by that of the window is the autocorrelation of the
frame itself: 1 at the period of a periodic signal, although the window fades, and smaller by the
share of noise.
"""

from __future__ import annotations

import numpy as np

from wavenet_ae.audio.waveforms import Waveform, checked_rate, checked_signal
from wavenet_ae.schema import HIGHEST_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 75.0, 500.0
RATES_HZ = (100, HIGHEST_RATE_HZ)
NUM_PERIODS = 3  # periods of the lowest frequency in a window: 40 ms
HOP_SECONDS = 0.010
FINER = 4  # lags per sample, by band-limited interpolation
IS_VOICED = 0.5  # least autocorrelation at the period
OCTAVE_COST = 0.05  # penalty per octave down, because every multiple of a period is a period too
IS_SILENT = 0.03  # largest amplitude of a silent frame, relative to the recording's peak
NEAR_OCTAVES = 0.5  # distance from the median beyond which a period is a mistake


def f0(waveform: Waveform, rate: int) -> np.ndarray:
    """Estimates the fundamental frequency of each frame.

    Args:
        waveform: `(T,)` of any scale.
        rate: Sample rate in Hz.

    Returns:
        `(F,)` Hz from 75 to 500, one frame every 10 ms; NaN in unvoiced frames. A waveform shorter
            than a window, 40 ms, has no frames.

    Raises:
        ArgumentError: If the waveform or the rate cannot be used.
    """
    rate = checked_rate(rate, allowed=RATES_HZ)
    frames = _frames(checked_signal(waveform), rate)  # (F, size)
    correlation = _autocorrelation(frames)  # (F, lags)
    shortest, longest = (round(FINER * rate / hz) for hz in (HIGHEST_HZ, LOWEST_HZ))
    best, is_peak = _strongest(correlation, shortest, longest)
    loudest = np.abs(frames).max(axis=1)
    is_loud = loudest >= IS_SILENT * loudest.max(initial=0)
    is_voiced = is_peak & is_loud & (correlation[np.arange(len(best)), best] >= IS_VOICED)
    return np.where(is_voiced, FINER * rate / best, np.nan)


def mean_f0(waveform: Waveform, rate: int) -> float:
    """Returns the mean F0 over the voiced frames.

    Frames further than half an octave from the median are left out: in about 5 % of the frames of
    speech, half the frequency or noise is mistaken for the voice.

    Args:
        waveform: `(T,)` of any scale.
        rate: Sample rate in Hz.

    Returns:
        Mean in Hz; NaN if no frame is voiced.

    Raises:
        ArgumentError: If the waveform or the rate cannot be used.
    """
    hz = f0(waveform, rate)
    voiced = hz[np.isfinite(hz)]
    if not len(voiced):
        return float("nan")
    octaves = np.log2(voiced / np.median(voiced))
    return float(voiced[np.abs(octaves) <= NEAR_OCTAVES].mean())


def _frames(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Returns frames `(F, size)` of a waveform, each with its mean removed."""
    size = round(NUM_PERIODS / LOWEST_HZ * rate)
    if len(waveform) < size:
        return np.empty((0, size))
    hop = round(HOP_SECONDS * rate)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, size)[::hop]
    return frames - frames.mean(axis=1, keepdims=True)


def _strongest(
    correlation: np.ndarray, shortest: int, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lag `(F,)` of the best peak of each frame, and whether the frame has a peak
    `(F,)`.
    """
    middle = correlation[:, shortest : longest + 1]
    before, after = (correlation[:, shortest + shift : longest + 1 + shift] for shift in (-1, 1))
    is_peak = (middle > before) & (middle >= after)
    cost = OCTAVE_COST * np.log2(np.arange(shortest, longest + 1))
    best = np.where(is_peak, middle - cost, -np.inf).argmax(axis=1)  # (F,)
    return best + shortest, np.logical_or.reduce(is_peak, axis=1)


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    """Returns the autocorrelation `(F, lags)`, 1 at lag 0; lags in samples / FINER, up to half a
    window.
    """
    size = frames.shape[1]
    window = np.hanning(size + 2)[1:-1]
    windowed, fading = (_lagged(each) for each in (frames * window, window[None]))
    windowed = windowed / np.maximum(windowed[:, :1], np.finfo(float).tiny)
    return windowed / (fading / fading[:, :1])


def _lagged(windowed: np.ndarray) -> np.ndarray:
    size = windowed.shape[1]
    num_bins = 1 << (size + size // 2 - 1).bit_length()  # long enough that no lag wraps around
    power = np.abs(np.fft.rfft(windowed, num_bins)) ** 2
    power[:, -1] /= 2  # the Nyquist bin is split into two in the longer transform
    return np.fft.irfft(power, FINER * num_bins)[:, : FINER * size // 2] * FINER
