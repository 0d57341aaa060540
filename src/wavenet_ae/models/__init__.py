"""Models: parts wired together, and the roles that they have."""

from wavenet_ae.models.autoencoder import WaveformAutoencoder
from wavenet_ae.models.build import build
from wavenet_ae.models.code_streams import CodeStream
from wavenet_ae.models.hierarchical import HierarchicalAutoencoder
from wavenet_ae.models.language_model import WaveNetLanguageModel
from wavenet_ae.models.pitched import PitchedAutoencoder
from wavenet_ae.models.representation import Representation
from wavenet_ae.models.roles import (
    Autoencoder,
    CodeModel,
    GenerativeModel,
    SpeechModel,
)
from wavenet_ae.models.summary import headline, model_summary

__all__ = [
    "Autoencoder",
    "CodeModel",
    "CodeStream",
    "GenerativeModel",
    "HierarchicalAutoencoder",
    "PitchedAutoencoder",
    "Representation",
    "SpeechModel",
    "WaveNetLanguageModel",
    "WaveformAutoencoder",
    "build",
    "headline",
    "model_summary",
]
