"""The objective of conf/objective/reconstruction.yaml, from Python."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from wavenet_ae.decoders import Categorical
from wavenet_ae.objectives import BottleneckLosses, Objective, Reconstruction
from wavenet_ae.types import BottleneckOutput, CodeWeighting, ModelOutput


def reconstruction(usual: CodeWeighting = "mean", **weights: Any) -> Objective:
    """The NLL and weighted losses of the bottleneck, whose usual weighting of codes is `usual`."""
    return Objective(
        {"reconstruction": Reconstruction(), "bottleneck": BottleneckLosses(usual, **weights)}
    )


def categorical_output(
    logits: Tensor, targets: Tensor, bottleneck: BottleneckOutput | None = None
) -> ModelOutput:
    """A model's output from logits (B, P, W) and levels (B, W) made by hand."""
    nll = Categorical(logits.shape[1]).nll(logits, targets)
    return ModelOutput(nll, logits, targets, bottleneck)
