"""Channels that are killed are found dead, and looking for them changes nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers.watched import in_training, noise, observed
from torch import nn

from wavenet_ae.training.monitors import DeadUnits
from wavenet_ae.training.monitors.dead_units import active_channels

KILLED = {0: [3], 1: [0, 5, 11]}  # channels by layer


@torch.no_grad()
def kill(encoder: nn.Module) -> None:
    """Kill these, and keep all others alive whatever the layer below says."""
    for layer, block in enumerate(encoder.blocks):
        last = block.convolution if isinstance(block.norm, nn.Identity) else block.norm
        last.bias.fill_(10.0 ** (3 + layer))
        last.bias[KILLED.get(layer, [])] = -1e6


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("encoder", ["mfcc", "mel", "waveform"])
def test_exactly_the_killed_channels_are_dead(encoder, batch_norm):
    module = in_training("ae", encoder, encoder={"batch_norm": batch_norm})
    kill(module.model.encoder)
    batch = noise(module)
    waveform = module.model.normalize(batch.waveform[:, module.plan.encoder_input])
    active = active_channels(module.model.encoder, waveform)
    assert len(active) == len(module.model.encoder.blocks)
    for layer, alive in enumerate(active):
        assert (~alive).nonzero().flatten().tolist() == KILLED.get(layer, []), layer
    figures = DeadUnits().measure(module, observed(module, batch), batch)
    shares = {f"encoder/dead_units/layer_{i}": 0.0 for i in range(1, len(active) + 1)}
    shares |= {f"encoder/dead_units/layer_{i + 1}": len(c) / 12 for i, c in KILLED.items()}
    assert {name: float(share) for name, share in figures.items()} == pytest.approx(shares)


def test_a_channel_that_fires_once_is_alive():
    module = in_training("ae", "waveform", encoder={"batch_norm": False})
    (first, *_), length = module.model.encoder.blocks, 200
    with torch.no_grad():
        first.convolution.weight[0] = 1.0
        first.convolution.bias[0] = -3.9
    waveform = torch.zeros(2, length)
    assert not active_channels(module.model.encoder, waveform)[0][0]
    waveform[1, 100:104] = 1.0  # 4 - 3.9 > 0, at a single place of one item
    assert active_channels(module.model.encoder, waveform)[0][0]


@pytest.mark.parametrize("is_training", [True, False])
def test_the_encoder_stays_as_it_was(is_training):
    module = in_training("ae").train(is_training)
    encoder, batch = module.model.encoder, noise(module)
    before = copy.deepcopy(encoder.state_dict())
    seen = observed(module, batch) if not is_training else None
    DeadUnits().measure(module, seen, batch)
    after = encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(each.training == is_training for each in encoder.modules())
    assert not any(each._forward_hooks for each in encoder.modules())


def test_an_encoder_without_rectifiers_has_no_figures():
    module = in_training("ae", "identity")
    batch = noise(module)
    assert DeadUnits().measure(module, observed(module, batch), batch) == {}
