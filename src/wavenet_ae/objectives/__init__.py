"""Objectives: what a training step minimizes, as a sum of terms."""

from wavenet_ae.objectives.base import (
    Criterion,
    Loss,
    Objective,
    ObjectiveTerm,
    TermOutput,
    criterion_of,
)
from wavenet_ae.objectives.reconstruction import NLL, BottleneckLosses, Reconstruction

__all__ = [
    "NLL",
    "BottleneckLosses",
    "Criterion",
    "Loss",
    "Objective",
    "ObjectiveTerm",
    "Reconstruction",
    "TermOutput",
    "criterion_of",
]
