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
    """

    dim: int
    chain: Chain
    features: Features

    def forward(self, waveform: Tensor, feature_mean: Tensor | None = None) -> Tensor:
        """Returns latents.

        Args:
            waveform: `(B, T)` in [-1, 1].
            feature_mean: `(B, C)` means of the features of each recording, or of its speaker; None
                where the features are normalized by the corpus.

        Returns:
            `(B, dim, N)`.
        """
        raise NotImplementedError

    def fit(
        self, waveforms: Iterable[Tensor], feature_means: Iterable[Tensor] | None = None
    ) -> None:
        """Standardizes the features on waveforms of the training split, see `Features.fit`."""
        self.features.fit(waveforms, feature_means)


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

    def forward(self, waveform: Tensor, feature_mean: Tensor | None = None) -> Tensor:
        """Returns features `(B, dim, F)` of a waveform `(B, T)` in [-1, 1]."""
        return self.features(waveform, feature_mean)
