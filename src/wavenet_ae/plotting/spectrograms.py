"""Spectrograms of recordings, on one scale."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from wavenet_ae.metrics.distances import HOP_SECONDS, WINDOW_SECONDS, power_spectra
from wavenet_ae.plotting.style import FONT_SIZES

RANGE_DECIBELS = 70  # below the loudest point
FIRST_SECONDS = (WINDOW_SECONDS - HOP_SECONDS) / 2  # where the first column begins
SIZE_INCHES, DOTS_PER_INCH = (8, 2.6), 100


def decibels(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Computes a spectrogram.

    Args:
        samples: (T,) int16.
        sample_rate: In Hz.

    Returns:
        (bins, F) power in dB; a column every `HOP_SECONDS`, the first at `FIRST_SECONDS`.
    """
    return 10 * np.log10(power_spectra(samples, sample_rate)).T


def plot_spectrograms(recordings: Mapping[str, np.ndarray], sample_rate: int) -> Figure:
    """Plots spectrograms one below the other, on the scale of the loudest.

    Args:
        recordings: (T,) int16 by their titles.
        sample_rate: In Hz.
    """
    spectra = {title: decibels(each, sample_rate) for title, each in recordings.items()}
    loudest = max(each.max() for each in spectra.values())
    width, height = SIZE_INCHES
    with matplotlib.rc_context(FONT_SIZES):
        size = (width, height * len(spectra))
        figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
        parts = figure.subplots(len(spectra), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
        for axes, (title, spectrum) in zip(parts, spectra.items(), strict=True):
            end = FIRST_SECONDS + HOP_SECONDS * spectrum.shape[1]
            image = axes.imshow(
                spectrum - loudest,
                origin="lower",
                aspect="auto",
                extent=(FIRST_SECONDS, end, 0, sample_rate / 2000),
                vmin=-RANGE_DECIBELS,
                vmax=0,
            )
            axes.set(title=title, ylabel="frequency in kHz")
        parts[-1].set_xlabel("time in s")
        figure.colorbar(image, ax=parts).set_label("power in dB, 0: the loudest point")
    return figure
