"""Waveforms whose clipping and level entropy are known, and predictions whose quality is known."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
import torch
import torch.nn.functional as F
from helpers.watched import in_training, noise, predicted

from wavenet_ae.training.monitors import DecoderMonitor, WaveformMonitor
from wavenet_ae.training.monitors.levels import clipped_fraction

TARGETS = torch.randint(50, 200, (3, 40), generator=torch.Generator().manual_seed(0))


def waveform_metrics(period: list[int]) -> dict[str, float]:
    """Returns the metrics of a batch of waveforms that repeat `period`, int16 samples."""
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
    assert waveform_metrics([32767, -32768]) == pytest.approx(square)


def test_silence_has_no_entropy_and_no_clipping():
    silence = {"input/clipped_fraction": 0, "input/level_entropy": 0}
    assert waveform_metrics([0]) == pytest.approx(silence, abs=1e-6)


@pytest.mark.parametrize("num_levels", [2, 3, 7, 16])
def test_entropy_of_equally_frequent_levels(num_levels):
    period = torch.linspace(-20000, 20000, num_levels).int().tolist()
    measured = waveform_metrics(period)
    assert measured["input/level_entropy"] == pytest.approx(log(num_levels), abs=1e-5)
    assert measured["input/clipped_fraction"] == 0


def test_one_per_cent_below_full_scale_counts_as_clipped():
    samples = [32440, -32440, -32768, 32439, -32439, 0, 100, 32767]  # 0.99 * 32768 = 32440.3
    assert float(clipped_fraction(torch.tensor(samples, dtype=torch.int16))) == 4 / 8


def prediction_metrics(logits: torch.Tensor) -> list[float]:
    """True level's probability, distance of the most probable one; logits (B, Q, W)."""
    module = in_training()
    measured = DecoderMonitor().measure(module, predicted(module, logits, TARGETS), noise(module))
    names = ("decoder/true_level_probability", "decoder/absolute_level_error")
    assert measured.keys() == set(names)
    return [float(measured[name]) for name in names]


def certain(levels: torch.Tensor) -> torch.Tensor:
    """(B, W) -> logits (B, 256, W) of nothing but these levels."""
    return 100.0 * F.one_hot(levels, 256).transpose(1, 2)


def test_perfect_prediction():
    assert prediction_metrics(certain(TARGETS)) == pytest.approx([1, 0])


@pytest.mark.parametrize("distance", [1, 50, -50])
def test_a_certain_but_wrong_prediction_has_probability_zero(distance):
    assert prediction_metrics(certain(TARGETS + distance)) == pytest.approx([0, abs(distance)])


def test_half_of_the_samples_are_three_levels_off():
    levels = TARGETS.clone()
    levels[:, ::2] += 3
    assert prediction_metrics(certain(levels)) == pytest.approx([0.5, 1.5])


def test_odds_of_three_to_one_for_the_true_level():
    odds = torch.full((3, 256, 40), -torch.inf)
    odds.scatter_(1, TARGETS[:, None], log(3))
    odds.scatter_(1, TARGETS[:, None] + 8, 0.0)
    assert prediction_metrics(odds) == pytest.approx([0.75, 0])


def test_a_uniform_prediction_has_one_over_the_number_of_levels():
    assert prediction_metrics(torch.zeros(3, 256, 40))[0] == pytest.approx(1 / 256)
