"""Models: the wiring of parts, and nothing else."""

from wavenet_ae.models.autoencoder import WaveformAutoencoder
from wavenet_ae.models.base import WaveformModel
from wavenet_ae.models.build import build
from wavenet_ae.models.language_model import WaveNetLanguageModel
from wavenet_ae.models.summary import model_card

__all__ = ["WaveNetLanguageModel", "WaveformAutoencoder", "WaveformModel", "build", "model_card"]
