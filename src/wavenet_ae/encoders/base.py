"""The contract of encoders, and the encoder that returns the features themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

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
        num_bands: Bands of frequency P in a latent, whose channels are (C, P) in this order; 1
            where latents have no axis of frequency.
        sees_whole_window: Whether a latent depends on all samples that the encoder is given.
            Otherwise it depends on those that the chain says it reads, and a slice of a recording
            has the latents of the whole.
        min_window_samples: Samples that a training window must have at least; 0 for any number.
        weights_from: Arguments that say which weights a new run takes from elsewhere.
    """

    dim: int
    chain: Chain
    features: Features
    perturbation: Perturbation | None
    sees_whole_window: bool = False
    num_bands: int = 1
    min_window_samples: int = 0
    weights_from: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.perturbation = None

    @property
    def masks_frames(self) -> bool:
        """Whether stretches of its input are masked in training."""
        return self.perturbation is not None and self.perturbation.time_mask_fraction > 0

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

    def masked_latents(self, num_samples: int, random: InputRandomness | None) -> Tensor | None:
        """Returns which latents stand at frames that a step masks.

        Args:
            num_samples: Length of the waveform.
            random: In training, the numbers by which the input is perturbed.

        Returns:
            `(B, N)` bool; None where no frame is ever masked.
        """
        if not self.masks_frames or random is None:
            return None
        perturbation = self.perturbation
        assert perturbation is not None
        num_frames = self.features.chain.output_length(num_samples)
        is_masked = perturbation.masked_frames(self.features, num_frames, random)  # (B, F)
        frames, latents = self.features.chain.grid(), self.chain.grid()
        anchors = [latents.anchor(n) for n in range(self.chain.output_length(num_samples))]
        return is_masked[:, [frames.nearest(int(anchor)) for anchor in anchors]]

    @property
    def frame_chain(self) -> Chain:
        """Geometry from frames of the features to latents."""
        return Chain(self.chain.layers[len(self.features.chain.layers) :])

    def fit(
        self, waveforms: Iterable[Tensor], feature_means: Iterable[Tensor] | None = None
    ) -> None:
        """Standardizes the features on waveforms of the training split, see `Features.fit`."""
        self.features.fit(waveforms, feature_means)

    def load_pretrained(self) -> None:
        """Loads the weights from which a new run starts; a no-op unless there are such weights."""


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
