"""Waveforms whose clipping and level entropy are known."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
import torch
from helpers.watched import in_training, noise, predicted

from wavenet_ae.training.monitors import WaveformMonitor
from wavenet_ae.training.monitors.waveform import clipped_fraction


def figures(period: list[int]) -> dict[str, float]:
    """Of a batch of waveforms that repeat `period`, int16 samples."""
    module = in_training()
    batch = noise(module)
    repeats = -(-batch.waveform.numel() // len(period))
    samples = torch.tensor(period, dtype=torch.int16).repeat(repeats)
    waveform = samples[: batch.waveform.numel()].view(batch.waveform.shape)
    targets = module.model.target(waveform[:, : 32 * len(period)])
    seen = predicted(module, torch.zeros(len(targets), 256, targets.shape[1]), targets)
    measured = WaveformMonitor().measure(module, seen, replace(batch, waveform=waveform))
    return {name: float(value) for name, value in measured.items()}


def test_full_scale_square_wave():
    square = {"input/clipped_fraction": 1, "input/level_entropy": log(2)}
    assert figures([32767, -32768]) == pytest.approx(square)


def test_silence():
    silence = {"input/clipped_fraction": 0, "input/level_entropy": 0}
    assert figures([0]) == pytest.approx(silence, abs=1e-6)


@pytest.mark.parametrize("num_levels", [2, 3, 7, 16])
def test_entropy_of_equally_frequent_levels(num_levels):
    period = torch.linspace(-20000, 20000, num_levels).int().tolist()
    measured = figures(period)
    assert measured["input/level_entropy"] == pytest.approx(log(num_levels), abs=1e-5)
    assert measured["input/clipped_fraction"] == 0


def test_one_per_cent_below_full_scale_counts_as_clipped():
    samples = [32440, -32440, -32768, 32439, -32439, 0, 100, 32767]  # 0.99 * 32768 = 32440.3
    assert float(clipped_fraction(torch.tensor(samples, dtype=torch.int16))) == 4 / 8
