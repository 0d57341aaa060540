"""What is watched while a run trains, one idea a file."""

from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.training.monitors.bottleneck_gradient import BottleneckGradient
from wavenet_ae.training.monitors.codebook import CodebookMonitor
from wavenet_ae.training.monitors.dead_units import DeadUnits
from wavenet_ae.training.monitors.decoder import DecoderMonitor
from wavenet_ae.training.monitors.latents import LatentMonitor
from wavenet_ae.training.monitors.posterior import PosteriorMonitor
from wavenet_ae.training.monitors.waveform import WaveformMonitor
from wavenet_ae.training.monitors.weight_updates import WeightUpdates

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
