"""Targets: what a decoder predicts of a waveform."""

from wavenet_ae.targets.base import Target
from wavenet_ae.targets.mu_law import MuLaw
from wavenet_ae.targets.pcm import PCM

__all__ = ["PCM", "MuLaw", "Target"]
