"""Distances between two recordings of equal length, from short-time spectra, in dB.

    waveform (T,) --Hann windows--> power spectra (F, bins) --> per frame, in dB --> mean of frames

Frames that are silent in the original are left out, because there is nothing audible to compare. In
the other frames, power is at least what rounding to 16 bits leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import log, sqrt

import numpy as np
import torch

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.waveforms import FULL_SCALE, Waveform, checked_rate, checked_waveform
from wavenet_ae.errors import ArgumentError
from wavenet_ae.schema import HIGHEST_RATE_HZ

WINDOW_SECONDS, HOP_SECONDS = 0.025, 0.010
SILENCE_DECIBELS = 40.0  # level below the original's loudest frame at which a frame is silent
ROUNDING_POWER = 1 / 12  # power of the error of rounding to int16, in squared steps
DECIBELS_PER_NEPER = 20 / log(10)
NUM_MELS, NUM_CEPSTRA = 26, 12
RATES_HZ = (100, HIGHEST_RATE_HZ)  # at lower ones, a window has hardly a sample


@dataclass(frozen=True)
class Distance:
    """Distance of a recording from the original.

    Attributes:
        decibels: Mean over the frames that are compared; NaN if all are silent.
        num_frames: Frames that are compared.
        num_silent: Frames that are left out.
    """

    decibels: float
    num_frames: int
    num_silent: int


def log_spectral_distance(original: Waveform, other: Waveform, rate: int) -> Distance:
    """Computes the log-spectral distance.

    It is the root mean square, over frequency, of the difference of power spectra in dB (Gray and
    Markel 1976, "Distance measures for speech processing", eq. 6 with p = 2; Rabiner and Juang
    1993, sec. 4.5). A gain of 6.02 dB is a distance of 6.02 dB.

    Args:
        original: `(T,)` as `wavenet_ae.audio.waveforms` takes them.
        other: `(T,)` likewise.
        rate: Sample rate in Hz.

    Raises:
        ArgumentError: If the lengths differ, or a waveform or the rate cannot be used.
    """
    return _compared(original, other, rate, _log_spectral_decibels)


def mel_cepstral_distortion(original: Waveform, other: Waveform, rate: int) -> Distance:
    """Computes the mel-cepstral distortion.

    It is (Kubichek 1993, "Mel-cepstral distance measure for objective speech quality assessment")

        10 / ln 10 * sqrt(2 * sum over d = 1 .. 12 of (c_d - c'_d)^2)

    Frames are compared one by one without time warping, because durations are equal. The level,
    c_0, is left out, so that a gain alone is no distance.

    Args:
        original: `(T,)` as `wavenet_ae.audio.waveforms` takes them.
        other: `(T,)` likewise.
        rate: Sample rate in Hz.

    Raises:
        ArgumentError: If the lengths differ, or a waveform or the rate cannot be used.
    """
    return _compared(original, other, rate, _mel_cepstral_decibels)


def power_spectra(waveform: Waveform, rate: int) -> np.ndarray:
    """Computes power spectra of the windows that lie inside a waveform.

    A shorter waveform is padded with silence. Power is at least the mean power of rounding to
    int16.

    Args:
        waveform: `(T,)` as `wavenet_ae.audio.waveforms` takes them.
        rate: Sample rate in Hz.

    Returns:
        `(F, bins)` from 0 Hz to half the rate, in squared steps of int16.
    """
    rate = checked_rate(rate, allowed=RATES_HZ)
    waveform = checked_waveform(waveform)
    samples = waveform if waveform.dtype == np.int16 else waveform * FULL_SCALE
    size, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    samples = np.pad(samples.astype(np.float64), (0, max(size - len(samples), 0)))
    window = np.hanning(size + 2)[1:-1]
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]  # (F, size)
    spectra = np.abs(np.fft.rfft(frames * window, fft_size(rate))) ** 2
    return np.maximum(spectra, ROUNDING_POWER * (window**2).sum())


def fft_size(rate: int) -> int:
    """Returns the power of two that holds a window."""
    return 1 << (round(WINDOW_SECONDS * rate) - 1).bit_length()


def mel_cepstra(log_amplitudes: np.ndarray) -> np.ndarray:
    """Computes mel cepstra.

    They are the coefficients of the cosines that add up to the logarithms, so that the root mean
    square over bands of a difference of `a cos` is a / sqrt(2), as Kubichek's formula requires.

    Args:
        log_amplitudes: `(F, M)` natural logarithms of amplitudes in mel bands.

    Returns:
        c_1 .. c_12, `(F, 12)`.
    """
    num_mels = log_amplitudes.shape[1]
    angle = np.pi * (np.arange(num_mels)[:, None] + 0.5) / num_mels
    cosines = np.cos(angle * np.arange(1, NUM_CEPSTRA + 1))  # (M, 12)
    return log_amplitudes @ cosines * (2 / num_mels)


def cepstral_decibels(cepstra: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the distances `(F,)` between cepstra `(F, 12)` and `(F, 12)`, in dB."""
    squares = ((cepstra - others) ** 2).sum(axis=1)
    return DECIBELS_PER_NEPER / 2 * sqrt(2) * np.sqrt(squares)


def _compared(
    original: Waveform,
    other: Waveform,
    rate: int,
    decibels: Callable[[np.ndarray, np.ndarray, int], np.ndarray],
) -> Distance:
    original, other = checked_waveform(original, "original"), checked_waveform(other, "other")
    if len(original) != len(other):
        raise ArgumentError(
            f"waveforms of {original.shape} and {other.shape} cannot be compared: use two of equal "
            "length"
        )
    spectra, others = power_spectra(original, rate), power_spectra(other, rate)
    is_audible = _is_audible(spectra)
    distances = decibels(spectra[is_audible], others[is_audible], rate)
    num_frames = len(distances)
    mean = float(distances.mean()) if num_frames else float("nan")
    return Distance(mean, num_frames, len(is_audible) - num_frames)


def _is_audible(spectra: np.ndarray) -> np.ndarray:
    """Returns whether frames `(F,)` are within SILENCE_DECIBELS of the loudest one."""
    power = spectra.mean(axis=1)
    is_rounding = np.isclose(power, spectra.min())  # every bin is at the floor
    return (power >= power.max() * 10 ** (-SILENCE_DECIBELS / 10)) & ~is_rounding


def _log_spectral_decibels(spectra: np.ndarray, others: np.ndarray, rate: int) -> np.ndarray:
    difference = 10 * np.log10(spectra / others)  # (F, bins)
    return np.sqrt((difference**2).mean(axis=1))


def _mel_cepstral_decibels(spectra: np.ndarray, others: np.ndarray, rate: int) -> np.ndarray:
    bands = _mel_bands(rate)  # (bins, M)
    cepstra = [mel_cepstra(0.5 * np.log(each @ bands)) for each in (spectra, others)]
    return cepstral_decibels(*cepstra)


@lru_cache(maxsize=8)
def _mel_bands(rate: int) -> np.ndarray:
    """Returns mel filters `(bins, M)`: triangles, evenly spaced in mel up to half the rate."""
    bands = torchaudio.functional.melscale_fbanks(
        fft_size(rate) // 2 + 1, 0.0, rate / 2, NUM_MELS, rate
    )
    return bands.to(torch.float64).numpy()
