"""Models: the wiring of parts, and nothing else."""

from wavenet_ae.models.autoencoder import WaveformAutoencoder
from wavenet_ae.models.build import build
from wavenet_ae.models.card import model_card

__all__ = ["WaveformAutoencoder", "build", "model_card"]
