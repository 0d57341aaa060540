"""Decoders of many sizes for the native engine, and streams for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from helpers.decoders import DECODERS
from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines.native import NotCompiled
from wavenet_ae.engines.native.library import paths_here

NUM_SAMPLES = 40
# Channels: fewer than lanes, not a multiple of them, several panels of them.
CHANNELS = {
    "few": dict(residual=7, gate=5, skip=9, post=11, levels=32),
    "odd": dict(residual=37, gate=23, skip=70, post=19, levels=100),
    "many": dict(residual=160, gate=97, skip=144, post=129, levels=256),
}


def needs(path: str) -> str:
    """The path, if this machine has it; else the test is skipped."""
    try:
        paths = paths_here()
    except NotCompiled as problem:
        pytest.skip(str(problem))
    if path not in paths:
        pytest.skip(f"this processor has no {path}")
    return path


def decoder(name: str, channels: str = "few") -> WaveNet:
    """Its logits spread as a trained decoder's do."""
    torch.manual_seed(0)
    dim = 0 if name == "no conditioning" else 6
    sizes = {**CHANNELS[channels], **DECODERS[name]}
    model = WaveNet(dim, num_speakers=3, speaker_dim=3, **sizes).eval()
    with torch.no_grad():
        model.head.weight *= 20
        for layer in model.layers:
            layer.speaker.weight.normal_(std=0.3)
    return model


def streams(model: WaveNet, batch: int, num_samples: int = NUM_SAMPLES) -> tuple[Tensor, ...]:
    """Levels (B, R + T), conditioning (B, C, M), speakers (B,): the same for any batch."""
    generator = torch.Generator().manual_seed(1)
    field, num_levels = model.chain.receptive_field, model.output.num_parameters
    levels = torch.randint(num_levels, (8, field + num_samples), generator=generator)
    num_vectors = -(-(field + num_samples) // model.conditioning_hop)
    dim = model.layers[0].conditioning.in_features
    conditioning = torch.randn(8, dim, num_vectors, generator=generator)
    return levels[:batch], conditioning[:batch], (torch.arange(8) % 3)[:batch]
