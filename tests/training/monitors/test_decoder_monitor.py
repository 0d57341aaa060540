"""Predictions whose quality is known."""

from __future__ import annotations

from math import log

import pytest
import torch
import torch.nn.functional as F
from helpers.watched import in_training, noise, predicted

from wavenet_ae.training.monitors import DecoderMonitor

TARGETS = torch.randint(50, 200, (3, 40), generator=torch.Generator().manual_seed(0))


def figures(logits: torch.Tensor) -> list[float]:
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
    assert figures(certain(TARGETS)) == pytest.approx([1, 0])


@pytest.mark.parametrize("distance", [1, 50, -50])
def test_certain_of_a_wrong_level(distance):
    assert figures(certain(TARGETS + distance)) == pytest.approx([0, abs(distance)])


def test_half_of_the_samples_are_three_levels_off():
    levels = TARGETS.clone()
    levels[:, ::2] += 3
    assert figures(certain(levels)) == pytest.approx([0.5, 1.5])


def test_odds_of_three_to_one_for_the_true_level():
    odds = torch.full((3, 256, 40), -torch.inf)
    odds.scatter_(1, TARGETS[:, None], log(3))
    odds.scatter_(1, TARGETS[:, None] + 8, 0.0)
    assert figures(odds) == pytest.approx([0.75, 0])


def test_knowing_nothing():
    assert figures(torch.zeros(3, 256, 40))[0] == pytest.approx(1 / 256)
