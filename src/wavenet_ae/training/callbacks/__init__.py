"""Lightning callbacks, one idea a file."""

from wavenet_ae.training.callbacks.checkpoints import Checkpoints
from wavenet_ae.training.callbacks.codebook_start import CodebookStart
from wavenet_ae.training.callbacks.progress import Progress
from wavenet_ae.training.callbacks.throughput import Throughput

__all__ = ["Checkpoints", "CodebookStart", "Progress", "Throughput"]
