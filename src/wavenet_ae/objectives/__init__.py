"""Objectives: what a training step minimizes, as a sum of terms."""

from wavenet_ae.objectives.base import (
    Criterion,
    Loss,
    Objective,
    ObjectiveTerm,
    TermOutput,
    criterion_of,
)
from wavenet_ae.objectives.cluster_targets import ClusterTargets
from wavenet_ae.objectives.contrastive import CONTRASTIVE, Contrastive
from wavenet_ae.objectives.masked_prediction import MASKED_PREDICTION, MaskedPrediction
from wavenet_ae.objectives.reconstruction import NLL, BottleneckLosses, Reconstruction

__all__ = [
    "CONTRASTIVE",
    "MASKED_PREDICTION",
    "NLL",
    "BottleneckLosses",
    "ClusterTargets",
    "Contrastive",
    "Criterion",
    "Loss",
    "MaskedPrediction",
    "Objective",
    "ObjectiveTerm",
    "Reconstruction",
    "TermOutput",
    "criterion_of",
]
