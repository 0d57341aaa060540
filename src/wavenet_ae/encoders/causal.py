"""Causal encoder: stacks of residual blocks over features, of which no latent looks ahead.

    frames ---> pre-layer ---> block 1 ---> ... ---> block n ---> 1x1 --+
       |                                                                 (+) ---> latents
       +------> pre-layer ---> block 1 ---> ... ---> block n ---> 1x1 --+

Stacks differ in kernels and dilations: what one skips between the taps of a dilated filter, another
may read. Blocks follow the encoder of van den Oord et al. 2017 (arXiv 1711.00937, sec. 4.1), in
time alone; dilations follow van den Oord et al. 2016 (arXiv 1609.03499).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.audio.features import Features
from wavenet_ae.audio.perturbation import Perturbation
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.geometry import Chain, Down, side_by_side
from wavenet_ae.nn.causal import (
    NORMS,
    CausalBlock,
    CausalConvolution,
    Norm,
    Pointwise,
    joined,
    newest,
)
from wavenet_ae.schema import Width, binding_problems, require_none
from wavenet_ae.types import InputRandomness

Combine = Literal["add", "concat"]
HeldByBlocks: TypeAlias = tuple[tuple[Tensor | None, ...], ...]  # of each block, of each stack


@dataclass(frozen=True)
class Stack:
    """Residual blocks of one of the stacks.

    Attributes:
        kernel: Filter length of all blocks, or of each.
        dilations: Dilation of all blocks, or of each.
    """

    kernel: Width | Sequence[Width] = 3
    dilations: Width | Sequence[Width] = 1

    def layers(self, num_blocks: int, where: str) -> list[Down]:
        """Returns the geometry of each block.

        Args:
            num_blocks: Number of blocks.
            where: Key of the stack, for errors.

        Raises:
            ValueError: If a list has not as many items as there are blocks.
        """
        sizes = []
        for name, value in (("kernel", self.kernel), ("dilations", self.dilations)):
            each = [value] * num_blocks if isinstance(value, int) else [*value]
            if len(each) != num_blocks:
                raise ValueError(
                    f"{where}.{name} is {each}, but there are {num_blocks} blocks: list one number "
                    f"for each, set one for all, or set encoder.num_blocks={len(each)}"
                )
            sizes.append(each)
        return [
            Down(kernel, 1, dilation, "last", f"block {number}")
            for number, (kernel, dilation) in enumerate(zip(*sizes, strict=True), start=1)
        ]


@dataclass(frozen=True)
class CausalState:
    """What a stream has left for the latents that come: the inputs that layers still need.

    Attributes:
        samples: `(B, t)` samples that the next frame reads; None at the beginning, as all others.
        frames: `(B, C, f)` frames that the pre-layers read.
        blocks: Inputs that each block of each stack reads.
    """

    samples: Tensor | None
    frames: Tensor | None
    blocks: HeldByBlocks


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
        _require_causal(features, perturbation)
        if stride > pre_kernel:
            raise ValueError(
                f"encoder.stride is {stride}, but encoder.pre_kernel {pre_kernel}: no latent would "
                f"read {stride - pre_kernel} of {stride} frames; set encoder.pre_kernel={stride}"
            )
        self.dim, self.features = dim, features
        self.perturbation = perturbation and perturbation.usable_with(features)
        layers = _stack_layers(stacks, num_blocks)
        self.stacks = CausalStacks(
            CausalConvolution(features.dim, len(layers) * hidden, pre_kernel, stride),
            layers,
            _output_dims(dim, len(layers), combine),
            combine,
            combine_every_layer,
            norm,
        )
        pre_layer = Down(pre_kernel, stride, anchor="last", name="pre-layer")
        self.chain = features.chain + Chain((pre_layer,)) + _chain(layers, combine_every_layer)
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
        if waveform.shape[-1] < self.min_window_samples:
            raise ValueError(
                f"a latent of the causal encoder reads {self.min_window_samples} samples, but the "
                f"window has {waveform.shape[-1]}: give at least {self.min_window_samples}"
            )
        start = self.start()
        frames = self.input_frames(waveform, feature_mean, random)
        latents, _, _ = self.stacks(frames, start.frames, start.blocks)
        return latents

    def start(self) -> CausalState:
        """Returns the state at the beginning of a stream."""
        return CausalState(None, None, self.stacks.nothing_held())

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
        state = state or self.start()
        whole, chain = joined(state.samples, waveform), self.features.chain
        num_frames = chain.output_length(whole.shape[-1])
        if num_frames:
            frames = self.features(whole)
        else:
            frames = whole.new_zeros(len(whole), self.features.dim, 0)
        samples = whole[..., num_frames * int(chain.grid().spacing) :]
        latents, held, blocks = self.stacks(frames, state.frames, state.blocks)
        return latents, CausalState(samples, held, blocks)


class CausalStacks(nn.Module):
    """Stacks side by side, from frames `(B, C, F)` to latents `(B, dim, N)`.

    The pre-layers of all stacks read the same frames, so they are one convolution. Where a stack
    reads fewer frames than another, its first outputs have no counterpart and are left out: all
    stacks end at the same frame.

    Args:
        pre_layer: Pre-layers of all stacks, which have equal shares of its channels.
        stacks: Geometry of the blocks of each stack.
        dims: Channels of the output of each stack.
        combine: How outputs are combined.
        combine_every_layer: Whether blocks read all stacks combined.
        norm: What each block does to its input.
    """

    def __init__(
        self,
        pre_layer: CausalConvolution,
        stacks: Sequence[Sequence[Down]],
        dims: Sequence[int],
        combine: Combine,
        combine_every_layer: bool,
        norm: Norm,
    ) -> None:
        super().__init__()
        self.pre_layer = pre_layer
        self.combine, self.combine_every_layer = combine, combine_every_layer
        hidden = pre_layer.convolution.out_channels // len(stacks)
        is_wide = combine_every_layer and combine == "concat"
        width = hidden * len(stacks) if is_wide else hidden
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                CausalBlock(width, hidden, layer.kernel, layer.dilation, norm) for layer in row
            )
            for row in zip(*stacks, strict=True)  # blocks of one depth
        )
        self.norms = nn.ModuleList(NORMS[norm](hidden) for _ in stacks)
        self.outputs = nn.ModuleList(Pointwise(hidden, dim) for dim in dims)

    def nothing_held(self) -> HeldByBlocks:
        """Returns what blocks hold at the beginning of a stream."""
        return ((None,) * len(self.outputs),) * len(self.blocks)

    def forward(
        self, frames: Tensor, held: Tensor | None, blocks_held: HeldByBlocks
    ) -> tuple[Tensor, Tensor, HeldByBlocks]:
        """Returns latents of a piece of frames, and what later latents need.

        Args:
            frames: `(B, C, F)`.
            held: Frames that the pre-layers hold.
            blocks_held: Inputs that the blocks hold.

        Returns:
            `(B, dim, N)`, and `held` and `blocks_held` after the piece.
        """
        hidden, held = self.pre_layer(frames, held)  # (B, stacks * hidden, n)
        streams, left = list(hidden.chunk(len(self.outputs), dim=1)), []
        for row, row_held in zip(self.blocks, blocks_held, strict=True):
            reads = streams
            if self.combine_every_layer:
                streams = _same_end(streams)
                reads = [self._combined(streams)] * len(streams)
            made = [
                block(*each) for block, *each in zip(row, streams, reads, row_held, strict=True)
            ]
            streams = [stream for stream, _ in made]
            left.append(tuple(of_block for _, of_block in made))
        outputs = [
            output(F.relu(norm(stream)))
            for output, norm, stream in zip(self.outputs, self.norms, streams, strict=True)
        ]
        return self._combined(_same_end(outputs)), held, tuple(left)

    def _combined(self, streams: Sequence[Tensor]) -> Tensor:
        return (
            torch.cat([*streams], dim=1)
            if self.combine == "concat"
            else sum(streams[1:], streams[0])
        )


def _same_end(streams: Sequence[Tensor]) -> list[Tensor]:
    """Returns streams `(B, C, n)` of different n without the first instants that one lacks."""
    length = min(each.shape[-1] for each in streams)
    return [newest(each, length) for each in streams]


def _stack_layers(stacks: Sequence[Mapping[str, Any]], num_blocks: int) -> list[list[Down]]:
    """Returns the geometry of the blocks of each stack."""
    if not stacks:
        raise ValueError("encoder.stacks is empty: set at least one, such as [{kernel: 3}]")
    keys = [f"encoder.stacks[{number}]" for number in range(len(stacks))]
    for key, node in zip(keys, stacks, strict=True):
        require_none(binding_problems(Stack, node, f"{key}."))
    return [Stack(**node).layers(num_blocks, key) for key, node in zip(keys, stacks, strict=True)]


def _chain(stacks: Sequence[Sequence[Down]], combine_every_layer: bool) -> Chain:
    """Returns the geometry from the pre-layers' outputs to latents."""
    if len(stacks) == 1:
        return Chain(tuple(stacks[0]))
    if not combine_every_layer:
        return Chain((side_by_side([Chain(tuple(each)) for each in stacks], "stacks"),))
    rows = zip(*stacks, strict=True)  # layers of one depth
    return Chain(tuple(side_by_side([Chain((each,)) for each in row], row[0].name) for row in rows))


def _output_dims(dim: int, num_stacks: int, combine: Combine) -> list[int]:
    """Returns the channels of each stack's output."""
    if combine == "add":
        return [dim] * num_stacks
    if dim % num_stacks:
        raise ValueError(
            f"encoder.combine is concat, but encoder.dim={dim} is not divisible by the "
            f"{num_stacks} stacks: set encoder.dim={-(-dim // num_stacks) * num_stacks}"
        )
    return [dim // num_stacks] * num_stacks


def _require_causal(features: Features, perturbation: Perturbation | None) -> None:
    """Raises ValueError that names the part by which frames would depend on the future.

    The first layer of features makes frames. What follows it must read no later frame, and what is
    subtracted must be known before the recording.
    """
    name = type(features).__name__
    for layer in features.chain.layers[1:]:
        if (ahead := Chain((layer,)).lookahead) > 0:
            remedy = (
                "set encoder.features.delta_half_width=null, or encoder/features=log_mel"
                if layer.name == "deltas"
                else "choose other features"
            )
            raise ValueError(
                f"encoder=causal looks at no later frame, but {layer.name} of {name} read {ahead} "
                f"frames ahead: {remedy}"
            )
    if features.needs_mean:
        raise ValueError(
            "encoder=causal looks at no later frame, but encoder.features.normalization="
            f"{features.normalization} subtracts a mean over whole recordings: set it to corpus"
        )
    if perturbation is not None and perturbation.noise_snr_db is not None:
        raise ValueError(
            "encoder=causal looks at no later frame, but encoder.perturbation.noise_snr_db sets "
            "the noise by the energy of the whole window: set it to null"
        )
