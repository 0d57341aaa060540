"""Spectrograms of several recordings have labels and share one scale."""

from __future__ import annotations

import numpy as np
import pytest

from wavenet_ae.plotting.spectrograms import plot_spectrograms


def test_both_spectrograms_have_labels_and_one_scale():
    tone = (8000 * np.sin(np.arange(8000) * 2 * np.pi * 1000 / 8000)).astype(np.int16)
    figure = plot_spectrograms({"loud": tone, "quiet": tone // 100}, 8000)
    loud, quiet, bar = figure.axes
    assert loud.get_ylabel() == quiet.get_ylabel() == "frequency in kHz"
    assert quiet.get_xlabel() == "time in s" and "dB" in bar.get_ylabel()
    assert quiet.get_xlim() == pytest.approx((0, 1), abs=0.02) and quiet.get_ylim() == (0, 4)
    peaks = [np.asarray(axes.images[0].get_array()).max() for axes in (loud, quiet)]
    assert peaks == pytest.approx([0, -40], abs=0.2)
    assert loud.images[0].get_clim() == quiet.images[0].get_clim() == (-70, 0)
    rows = np.asarray(loud.images[0].get_array()).mean(axis=1)
    assert rows.argmax() * 4 / (len(rows) - 1) == pytest.approx(1, abs=0.04), "the tone is at 1 kHz"
