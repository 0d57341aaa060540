"""The objective of conf/objective/reconstruction.yaml, from Python."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.decoders import Categorical
from wavenet_ae.objectives import BottleneckLosses, Objective, Reconstruction
from wavenet_ae.stream_names import ONLY_STREAM
from wavenet_ae.types import Batch, BottleneckOutput, CodeWeighting, ModelOutput


def reconstruction(usual: CodeWeighting = "mean", **weights: Any) -> Objective:
    """The NLL and weighted losses of the bottleneck, whose usual weighting of codes is `usual`."""
    losses = BottleneckLosses({ONLY_STREAM: usual}, **weights)
    return Objective({"reconstruction": Reconstruction(), "bottleneck": losses})


def batch_of(plan: WindowPlan, size: int = 2, num_speakers: int = 1) -> Batch:
    """Windows of noise, each the beginning of an utterance of its own."""
    rows = torch.arange(size)
    shape = (size, plan.slice_length)
    generator = torch.Generator().manual_seed(1)
    waveform = torch.randint(-9000, 9000, shape, dtype=torch.int16, generator=generator)
    return Batch(waveform, rows % num_speakers, rows, torch.zeros_like(rows))


def categorical_output(
    logits: Tensor, targets: Tensor, bottleneck: BottleneckOutput | None = None
) -> ModelOutput:
    """A model's output from logits (B, P, W) and levels (B, W) made by hand."""
    nll = Categorical(logits.shape[1]).nll(logits, targets)
    streams = {} if bottleneck is None else {ONLY_STREAM: bottleneck}
    return ModelOutput(nll, logits, targets, streams)
