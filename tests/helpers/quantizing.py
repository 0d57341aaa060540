"""Shared by the tests of quantizers: small ones, their input, a training step."""

from __future__ import annotations

import torch

from wavenet_ae.bottlenecks import VQVAEEMA
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.types import Step


def step(seed: int = 0) -> Step:
    return Step(index=0, seed=seed, jitter=torch.zeros(1), speaker_dropout=torch.zeros(1))


def quantizer(kind=VQVAEEMA, **settings):
    torch.manual_seed(0)
    settings = {"dim": 4, "codebook_size": 6, "init": "uniform", **settings}
    return kind(input_dim=4, **settings)


def latents(batch: int = 5, codes: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 4, codes, generator=torch.Generator().manual_seed(seed))


def projected(bottleneck: Quantizer, latents: torch.Tensor) -> torch.Tensor:
    """z (B, D, N), what is quantized."""
    return bottleneck.project(latents, is_training=False)
