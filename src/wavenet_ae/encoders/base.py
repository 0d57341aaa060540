"""The contract of encoders, and the encoder that returns the features themselves."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from wavenet_ae.audio.features import Features
from wavenet_ae.audio.perturbation import Perturbation
from wavenet_ae.geometry import Chain
from wavenet_ae.types import InputRandomness


class Encoder(nn.Module):
    """Base class of encoders: waveform `(B, T)` in [-1, 1] to latents `(B, dim, N)`.

    Attributes:
        dim: Channels of the latents.
        chain: Geometry from waveform samples to latents.
        features: Acoustic features that the encoder computes first.
        perturbation: What is changed at random in its input in training; None for nothing.
    """

    dim: int
    chain: Chain
    features: Features
    perturbation: Perturbation | None

    def __init__(self) -> None:
        super().__init__()
        self.perturbation = None

    def forward(
        self,
        waveform: Tensor,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> Tensor:
        """Returns latents.

        Args:
            waveform: `(B, T)` in [-1, 1].
            feature_mean: `(B, C)` means of the features of each recording, or of its speaker; None
                where the features are normalized by the corpus.
            random: In training, the numbers by which the input is perturbed.

        Returns:
            `(B, dim, N)`.
        """
        raise NotImplementedError

    def input_frames(
        self, waveform: Tensor, feature_mean: Tensor | None, random: InputRandomness | None
    ) -> Tensor:
        """Returns the features `(B, C, F)` that the layers read, in training perturbed."""
        if self.perturbation is None or random is None:
            return self.features(waveform, feature_mean)
        frames = self.features(self.perturbation.waveform(waveform, random), feature_mean)
        return self.perturbation.frames(frames, self.features, random)

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
        perturbation: Random changes of the input in training; None for none.
    """

    def __init__(self, features: Features, perturbation: Perturbation | None = None) -> None:
        super().__init__()
        self.features = features
        self.perturbation = perturbation and perturbation.usable_with(features)
        self.dim, self.chain = features.dim, features.chain

    def forward(
        self,
        waveform: Tensor,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> Tensor:
        """Returns features `(B, dim, F)` of a waveform `(B, T)` in [-1, 1]."""
        return self.input_frames(waveform, feature_mean, random)
