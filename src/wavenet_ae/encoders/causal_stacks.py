"""Stacks of causal residual blocks side by side, from frames to latents.

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
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.geometry import Chain, Down, side_by_side
from wavenet_ae.nn.causal import (
    NORMS,
    CausalBlock,
    CausalConvolution,
    Norm,
    Pointwise,
    newest,
)
from wavenet_ae.schema import Width, binding_problems, require_none

Combine = Literal["add", "concat"]


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
class StacksState:
    """Inputs that later latents of a stream read; each is None at the beginning.

    Attributes:
        frames: `(B, C, f)` frames that the pre-layers read.
        blocks: Inputs of the blocks of each depth, one for each stack.
    """

    frames: Tensor | None
    blocks: tuple[tuple[Tensor | None, ...], ...]


class CausalStacks(nn.Module):
    """Stacks side by side, from frames `(B, C, F)` to latents `(B, dim, N)`.

    The pre-layers of all stacks read the same frames, so they are one convolution. Where a stack
    reads fewer frames than another, its first outputs have no counterpart and are left out: all
    stacks end at the same frame.

    Args:
        input_dim: Channels of the frames.
        dim: Channels of the latents.
        hidden: Channels of each stack.
        pre_kernel: Frames that a pre-layer reads.
        stride: Frames from one latent to the next.
        num_blocks: Blocks of each stack.
        stacks: Values of each `Stack`.
        combine: Whether outputs are added or concatenated.
        combine_every_layer: Whether blocks read all stacks combined.
        norm: What each block does to its input.

    Attributes:
        chain: Geometry from frames to latents.

    Raises:
        UserError: If a stack has an unknown key, or a value that cannot be used.
        ValueError: If there is no stack, or sizes do not fit together.
    """

    def __init__(
        self,
        input_dim: int,
        dim: int,
        hidden: int,
        pre_kernel: int,
        stride: int,
        num_blocks: int,
        stacks: Sequence[Mapping[str, Any]],
        combine: Combine,
        combine_every_layer: bool,
        norm: Norm,
    ) -> None:
        super().__init__()
        if stride > pre_kernel:
            raise ValueError(
                f"encoder.stride is {stride}, but encoder.pre_kernel {pre_kernel}: no latent would "
                f"read {stride - pre_kernel} of {stride} frames; set encoder.pre_kernel={stride}"
            )
        layers = _block_layers(stacks, num_blocks)
        pre_layer = Down(pre_kernel, stride, anchor="last", name="pre-layer")
        self.chain = Chain((pre_layer,)) + _block_chain(layers, combine_every_layer)
        self.combine, self.combine_every_layer = combine, combine_every_layer
        self.pre_layer = CausalConvolution(input_dim, len(layers) * hidden, pre_kernel, stride)
        is_wide = combine_every_layer and combine == "concat"
        width = hidden * len(layers) if is_wide else hidden
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                CausalBlock(width, hidden, layer.kernel, layer.dilation, norm) for layer in row
            )
            for row in zip(*layers, strict=True)  # blocks of one depth
        )
        self.norms = nn.ModuleList(NORMS[norm](hidden) for _ in layers)
        self.outputs = nn.ModuleList(
            Pointwise(hidden, own) for own in _output_dims(dim, len(layers), combine)
        )

    def start(self) -> StacksState:
        """Returns the state at the beginning of a stream."""
        return StacksState(None, ((None,) * len(self.outputs),) * len(self.blocks))

    def forward(self, frames: Tensor, state: StacksState) -> tuple[Tensor, StacksState]:
        """Returns the latents that a piece of frames completes, and the state after it.

        Args:
            frames: `(B, C, F)`.
            state: State after the frames before.

        Returns:
            `(B, dim, N)`, and the state.
        """
        hidden, frames_left = self.pre_layer(frames, state.frames)  # (B, stacks * hidden, n)
        streams, left = list(hidden.chunk(len(self.outputs), dim=1)), []
        for row, held in zip(self.blocks, state.blocks, strict=True):
            reads = streams
            if self.combine_every_layer:
                streams = _same_end(streams)
                reads = [self._combined(streams)] * len(streams)
            blocks = cast(nn.ModuleList, row)
            made = [block(*each) for block, *each in zip(blocks, streams, reads, held, strict=True)]
            streams = [stream for stream, _ in made]
            left.append(tuple(of_block for _, of_block in made))
        outputs = [
            output(F.relu(norm(stream)))
            for output, norm, stream in zip(self.outputs, self.norms, streams, strict=True)
        ]
        return self._combined(_same_end(outputs)), StacksState(frames_left, tuple(left))

    def _combined(self, streams: Sequence[Tensor]) -> Tensor:
        if self.combine == "concat":
            return torch.cat([*streams], dim=1)
        return sum(streams[1:], streams[0])


def _same_end(streams: Sequence[Tensor]) -> list[Tensor]:
    """Returns streams `(B, C, n)` of different n without the first instants that one lacks."""
    length = min(each.shape[-1] for each in streams)
    return [newest(each, length) for each in streams]


def _block_layers(stacks: Sequence[Mapping[str, Any]], num_blocks: int) -> list[list[Down]]:
    """Returns the geometry of the blocks of each stack."""
    if not stacks:
        raise ValueError("encoder.stacks is empty: set at least one, such as [{kernel: 3}]")
    keys = [f"encoder.stacks[{number}]" for number in range(len(stacks))]
    for key, node in zip(keys, stacks, strict=True):
        require_none(binding_problems(Stack, node, f"{key}."))
    return [Stack(**node).layers(num_blocks, key) for key, node in zip(keys, stacks, strict=True)]


def _block_chain(stacks: Sequence[Sequence[Down]], combine_every_layer: bool) -> Chain:
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
