"""What is measured while a run trains."""

from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.training.monitors.codebook import CodebookMonitor
from wavenet_ae.training.monitors.latents import LatentMonitor, PosteriorMonitor
from wavenet_ae.training.monitors.learning import BottleneckGradient, DeadUnits, WeightUpdates
from wavenet_ae.training.monitors.levels import DecoderMonitor, WaveformMonitor

__all__ = [
    "BottleneckGradient",
    "CodebookMonitor",
    "DeadUnits",
    "DecoderMonitor",
    "LatentMonitor",
    "Monitor",
    "PosteriorMonitor",
    "WaveformMonitor",
    "WeightUpdates",
]
