"""Fundamental frequency of recordings, frame by frame, see `wavenet_ae.audio.pitch`."""

from __future__ import annotations

import numpy as np
import torch

from wavenet_ae.audio.pitch import frame_f0, frame_size
from wavenet_ae.audio.waveforms import Waveform, checked_rate, checked_signal
from wavenet_ae.schema import HIGHEST_RATE_HZ

RATES_HZ = (100, HIGHEST_RATE_HZ)
HOP_SECONDS = 0.010
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
    found = frame_f0(torch.from_numpy(frames), rate).numpy()
    loudest = np.abs(frames).max(axis=1)
    is_loud = loudest >= IS_SILENT * loudest.max(initial=0)
    return np.where(is_loud, found, np.nan)


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
    size = frame_size(rate)
    if len(waveform) < size:
        return np.empty((0, size))
    hop = round(HOP_SECONDS * rate)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, size)[::hop]
    return frames - frames.mean(axis=1, keepdims=True)
