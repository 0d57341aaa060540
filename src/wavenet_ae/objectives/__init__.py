"""Objectives: what a training step minimizes."""

from wavenet_ae.objectives.waveform import WaveformObjective

__all__ = ["WaveformObjective"]
