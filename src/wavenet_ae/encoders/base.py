"""The contract of encoders, and the encoder that returns the features themselves."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from wavenet_ae.audio.features import Features
from wavenet_ae.geometry import Chain


class Encoder(nn.Module):
    """Base class of encoders: waveform `(B, T)` in [-1, 1] to latents `(B, dim, N)`.

    Attributes:
        dim: Channels of the latents.
        chain: Geometry from waveform samples to latents.
        features: Acoustic features that the encoder computes first.
        sees_whole_window: Whether a latent depends on all samples that the encoder is given.
            Otherwise it depends on those that the chain says it reads, and a slice of a recording
            has the latents of the whole.
    """

    dim: int
    chain: Chain
    features: Features
    sees_whole_window: bool = False

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns latents `(B, dim, N)` of a waveform `(B, T)` in [-1, 1]."""
        raise NotImplementedError

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        """Standardizes the features on waveforms `(B, T)` of the training split."""
        self.features.fit(waveforms)

    def load_pretrained(self) -> None:
        """Loads the weights from which a new run starts; a no-op unless there are such weights."""


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
