"""Objectives: what a training step minimises."""

from wavenet_ae.objectives.waveform import WaveformObjective

__all__ = ["WaveformObjective"]
