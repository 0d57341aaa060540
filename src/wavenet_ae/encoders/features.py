"""Identity encoder: acoustic features are the latents."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.audio.features import Features
from wavenet_ae.encoders.base import Encoder


class FeatureEncoder(Encoder):
    """Encoder without layers: waveform `(B, T)` to standardized features `(B, dim, F)`.

    Without a bottleneck, the decoder learns to invert the features.

    Args:
        features: Features that become the latents.
    """

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.features = features
        self.dim, self.chain = features.dim, features.chain

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns features `(B, dim, F)` of a waveform `(B, T)` in [-1, 1]."""
        return self.features(waveform)
