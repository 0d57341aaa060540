"""Causal encoder whose latents keep a coarse axis of frequency (Razavi et al. 2019)."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.audio.features import Features
from wavenet_ae.audio.perturbation import Perturbation
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.encoders.causal import require_causal, require_length
from wavenet_ae.nn.causal_2d import CausalStack2d
from wavenet_ae.schema import NonNegative, Width
from wavenet_ae.types import InputRandomness


class CausalEncoder2d(Encoder):
    """Log mel energies, then convolutions over frequency and time: `(B, T)` to `(B, dim, N)`.

    The channels of the features are the bands of the first layer, and each halving leaves half of
    them: a latent has `channels` values for each of `num_bands` bands, (C, P) in this order. It is
    anchored at the last frame that it reads and looks ahead by no frame, as one of `CausalEncoder`.

    Args:
        features: Features whose channels are ordered by frequency.
        channels: Channels of the layers.
        num_halvings: How often the bands of the features are halved.
        kernel: Frames that each layer reads.
        stride: Frames from one latent to the next.
        num_blocks: Residual blocks.
        perturbation: Random changes of the input in training; None for none.

    Raises:
        ValueError: If features or perturbation look ahead, the channels of the features are no mel
            bands, or cannot be halved so often, or frames would be skipped.
    """

    def __init__(
        self,
        features: Features,
        channels: Width = 32,
        num_halvings: NonNegative = 2,
        kernel: Width = 3,
        stride: Width = 1,
        num_blocks: NonNegative = 2,
        perturbation: Perturbation | None = None,
    ) -> None:
        super().__init__()
        require_causal(features, perturbation, "causal_2d")
        if features.bands_hz is None:
            raise ValueError(
                "encoder=causal_2d convolves over frequency, but the channels of "
                f"{type(features).__name__} are no bands: set encoder/features=log_mel"
            )
        if features.dim % 2**num_halvings:
            raise ValueError(
                f"encoder.num_halvings is {num_halvings}, but encoder.features.num_mels="
                f"{features.dim} is not a multiple of {2**num_halvings}: change one of them"
            )
        if stride > kernel:
            raise ValueError(
                f"encoder.stride is {stride}, but encoder.kernel {kernel}: no latent would read "
                f"{stride - kernel} of {stride} frames; set encoder.kernel={stride}"
            )
        self.features = features
        self.perturbation = perturbation and perturbation.usable_with(features)
        self.stack = CausalStack2d(
            1, channels, features.dim, num_halvings, kernel, stride, num_blocks
        )
        self.num_bands = self.stack.num_bands
        self.dim = channels * self.num_bands
        self.chain = features.chain + self.stack.chain
        self.min_window_samples = self.chain.input_length(1)

    def forward(
        self,
        waveform: Tensor,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> Tensor:
        """Returns latents `(B, dim, N)` of a waveform `(B, T)` in [-1, 1].

        Raises:
            ValueError: If the waveform is shorter than what a latent reads.
        """
        require_length(self, waveform)
        frames = self.input_frames(waveform, feature_mean, random)
        maps: Tensor = self.stack(frames[:, None])  # (B, channels, num_bands, N)
        return maps.flatten(1, 2)
