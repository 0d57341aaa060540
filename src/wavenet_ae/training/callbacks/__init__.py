"""Lightning callbacks, one idea a file."""

from wavenet_ae.training.callbacks.audio_samples import AudioSamples
from wavenet_ae.training.callbacks.checkpoints import Checkpoints
from wavenet_ae.training.callbacks.codebook_init import CodebookInit
from wavenet_ae.training.callbacks.doctor import Doctor
from wavenet_ae.training.callbacks.ending import Ending
from wavenet_ae.training.callbacks.progress import Progress, Throughput
from wavenet_ae.training.callbacks.threads import Threads
from wavenet_ae.training.callbacks.wandb_media import WandbMedia

__all__ = [
    "AudioSamples",
    "Checkpoints",
    "CodebookInit",
    "Doctor",
    "Ending",
    "Progress",
    "Threads",
    "Throughput",
    "WandbMedia",
]
