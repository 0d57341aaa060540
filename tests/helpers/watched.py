"""Shared by the tests of monitors: a small model in training, windows of noise, a step's output."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch

from helpers.configs import small
from helpers.objectives import categorical_output, reconstruction
from wavenet_ae.dashboards.history import Histogram, read_histograms
from wavenet_ae.models import build
from wavenet_ae.training.logging import HistogramLog
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.optimizer import OptimizerConfig
from wavenet_ae.types import Batch, BottleneckOutput

SPEAKERS = ["anna", "bert"]


def in_training(
    bottleneck_option: str = "ae", encoder_option: str = "mfcc", **changes: Any
) -> WaveformTraining:
    torch.manual_seed(0)
    config = small(bottleneck_option, encoder_option, **changes)
    model = build(config, SPEAKERS)
    return WaveformTraining(
        model=model,
        objective=reconstruction(),
        optimization=OptimizerConfig(),
        plan=model.window(4 * int(model.hop)),
        seed=0,
        speaker_rows=torch.arange(len(SPEAKERS)),
        model_config=config,
    )


def trainer(**settings: Any) -> pl.Trainer:
    """One that has not begun; its next step is logged."""
    usual = {"log_every_n_steps": 1, "logger": False}
    return pl.Trainer(accelerator="cpu", enable_checkpointing=False, **{**usual, **settings})


def noise(module: WaveformTraining, size: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(1)
    shape = (size, module.plan.slice_length)
    waveform = torch.randint(-8000, 8000, shape, dtype=torch.int16, generator=generator)
    rows = torch.arange(size)
    return Batch(waveform, rows % len(SPEAKERS), rows, torch.zeros_like(rows))


def observed(module: WaveformTraining, batch: Batch) -> Observed:
    """What a step without anything random would be computed from."""
    output = module.model(batch.waveform, batch.speaker, module.plan)
    return Observed(output, module.objective(output, batch, module.plan, 0))


def predicted(module: WaveformTraining, logits: torch.Tensor, targets: torch.Tensor) -> Observed:
    """Returns what a step observes from logits (B, Q, W) and true levels (B, W) made by hand."""
    output = categorical_output(logits, targets)
    batch = noise(module, len(targets))
    return Observed(output, module.objective(output, batch, module.plan, 0))


def quantized(codes: torch.Tensor) -> BottleneckOutput:
    return BottleneckOutput(torch.zeros(len(codes), 1, codes.shape[-1]), codes=codes)


def latest(log: HistogramLog) -> dict[str, Histogram]:
    """Returns the histogram that was logged last, by its name."""
    return {name: logged[-1] for name, logged in read_histograms(log.path).items()}
