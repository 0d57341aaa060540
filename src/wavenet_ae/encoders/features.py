"""No encoder: acoustic features are the latents."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.audio.features import Features
from wavenet_ae.encoders.base import Encoder


class FeatureEncoder(Encoder):
    """Features as they are, (B, T) -> (B, dim, F): with no bottleneck, the decoder inverts them."""

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.features = features
        self.dim, self.chain = features.dim, features.chain

    def forward(self, waveform: Tensor) -> Tensor:
        return self.features(waveform)
