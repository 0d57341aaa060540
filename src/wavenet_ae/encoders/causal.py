"""Causal encoder: features, then stacks of causal blocks, of which no latent looks ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from wavenet_ae.audio.features import Features
from wavenet_ae.audio.perturbation import Perturbation
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.encoders.causal_stacks import CausalStacks, Combine, StacksState
from wavenet_ae.geometry import Chain
from wavenet_ae.nn.causal import Norm, joined
from wavenet_ae.schema import Width
from wavenet_ae.types import InputRandomness


@dataclass(frozen=True)
class CausalState:
    """What a stream has left for the latents that come.

    Attributes:
        samples: `(B, t)` samples that the next frame reads; None at the beginning.
        layers: What the layers have left.
    """

    samples: Tensor | None
    layers: StacksState


class CausalEncoder(Encoder):
    """Features, then stacks of causal blocks: waveform `(B, T)` to latents `(B, dim, N)`.

    A latent is anchored at the last frame that it reads. It looks ahead by no frame; in samples, by
    half of the frame, which is anchored at its center. Nothing is padded, so a window of a
    recording has the latents of the whole, and `step` gives the same of a stream.

    Args:
        features: Features that the pre-layers read, each frame of them alone.
        dim: Channels of the latents.
        hidden: Channels of each stack.
        pre_kernel: Frames that a pre-layer reads.
        stride: Frames from one latent to the next.
        num_blocks: Residual blocks of each stack.
        stacks: `kernel` and `dilations` of each stack, see `Stack`.
        combine: Whether outputs of stacks are added, or concatenated: each is `dim` over the number
            of stacks wide.
        combine_every_layer: Whether blocks read the sum of all stacks, or all side by side, instead
            of their own stack alone.
        norm: What each block does to its input, see `CausalBlock`.
        perturbation: Random changes of the input in training; None for none.

    Raises:
        UserError: If a stack has an unknown key, or a value that cannot be used.
        ValueError: If features or perturbation look ahead, or sizes do not fit together.
    """

    def __init__(
        self,
        features: Features,
        dim: Width = 128,
        hidden: Width = 128,
        pre_kernel: Width = 4,
        stride: Width = 2,
        num_blocks: Width = 2,
        stacks: Sequence[Mapping[str, Any]] = ({"kernel": 3, "dilations": 1},),
        combine: Combine = "add",
        combine_every_layer: bool = False,
        norm: Norm = "none",
        perturbation: Perturbation | None = None,
    ) -> None:
        super().__init__()
        require_causal(features, perturbation, "causal")
        self.dim, self.features = dim, features
        self.perturbation = perturbation and perturbation.usable_with(features)
        self.stacks = CausalStacks(
            features.dim,
            dim,
            hidden,
            pre_kernel,
            stride,
            num_blocks,
            stacks,
            combine,
            combine_every_layer,
            norm,
        )
        self.chain = features.chain + self.stacks.chain
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
        latents: Tensor = self.stacks(frames, self.stacks.start())[0]
        return latents

    def step(
        self, waveform: Tensor, state: CausalState | None = None
    ) -> tuple[Tensor, CausalState]:
        """Returns the latents that the next samples of a stream complete, and the state after them.

        Args:
            waveform: `(B, t)` in [-1, 1], of any length: a frame's hop, or more, or less.
            state: State after the samples before; None at the beginning.

        Returns:
            `(B, dim, n)`; joined over all steps, they are those of the whole waveform.
        """
        state = state or CausalState(None, self.stacks.start())
        whole, chain = joined(state.samples, waveform), self.features.chain
        num_frames = chain.output_length(whole.shape[-1])
        if num_frames:
            frames = self.features(whole)
        else:
            frames = whole.new_zeros(len(whole), self.features.dim, 0)
        samples = whole[..., num_frames * int(chain.grid().spacing) :]
        latents, layers = self.stacks(frames, state.layers)
        return latents, CausalState(samples, layers)


def require_causal(features: Features, perturbation: Perturbation | None, option: str) -> None:
    """Raises ValueError that names the part by which frames would depend on the future.

    The first layer of features makes frames. What follows it must read no later frame, and what is
    subtracted must be known before the recording.

    Args:
        features: Features of the encoder.
        perturbation: Random changes of its input.
        option: Name of the encoder, for errors.
    """
    after_frames = features.chain.layers[1:]
    looking_ahead = [each.name for each in after_frames if Chain((each,)).lookahead > 0]
    if looking_ahead:
        name = looking_ahead[0]
        remedy = (
            "set encoder.features.delta_half_width=null, or encoder/features=log_mel"
            if name == "deltas"
            else "choose other features"
        )
        raise ValueError(
            f"encoder={option} looks at no later frame, but {name} of {type(features).__name__} "
            f"read {Chain(after_frames).lookahead} frames ahead: {remedy}"
        )
    if features.needs_mean:
        raise ValueError(
            f"encoder={option} looks at no later frame, but encoder.features.normalization="
            f"{features.normalization} subtracts a mean over whole recordings: set it to corpus"
        )
    if perturbation is not None and perturbation.noise_snr_db is not None:
        raise ValueError(
            f"encoder={option} looks at no later frame, but encoder.perturbation.noise_snr_db sets "
            "the noise by the energy of the whole window: set it to null"
        )


def require_length(encoder: Encoder, waveform: Tensor) -> None:
    """Raises ValueError where a waveform `(B, T)` is shorter than what a latent reads."""
    least = encoder.min_window_samples
    if waveform.shape[-1] < least:
        raise ValueError(
            f"a latent of the causal encoder reads {least} samples, but the window has "
            f"{waveform.shape[-1]}: give at least {least}"
        )
