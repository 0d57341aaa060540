"""Targets: what a decoder predicts of a waveform."""

from wavenet_ae.targets.base import Target
from wavenet_ae.targets.mel import DiscretizedMel, LogMel
from wavenet_ae.targets.waveform import PCM, MuLaw

__all__ = ["PCM", "DiscretizedMel", "LogMel", "MuLaw", "Target"]
