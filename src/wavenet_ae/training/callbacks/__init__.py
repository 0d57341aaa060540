"""Lightning callbacks, one idea a file."""

from wavenet_ae.training.callbacks.audio_samples import Listening
from wavenet_ae.training.callbacks.checkpoints import Checkpoints
from wavenet_ae.training.callbacks.codebook_init import CodebookStart
from wavenet_ae.training.callbacks.doctor import Doctor
from wavenet_ae.training.callbacks.progress import Progress
from wavenet_ae.training.callbacks.threads import Threads
from wavenet_ae.training.callbacks.throughput import Throughput
from wavenet_ae.training.callbacks.wandb_media import WandbRecord

__all__ = [
    "Checkpoints",
    "CodebookStart",
    "Doctor",
    "Listening",
    "Progress",
    "Threads",
    "Throughput",
    "WandbRecord",
]
