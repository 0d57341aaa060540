"""Causal convolutions that read a sequence whole, or piece by piece with explicit state.

Nothing is padded. A layer computes the outputs whose inputs all exist, and gives back the inputs
that later outputs still need. A whole sequence is one piece, so both ways run the same code:

    kernel 3, dilation 2     inputs  0  1  2  3  4  5  6 | 7  8
    first piece, 0 .. 6      outputs             4  5  6         held: 3, 4, 5, 6
    second piece, 7 and 8    outputs                       7  8  held: 5, 6, 7, 8
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.geometry import Down
from wavenet_ae.nn.normalization import LayerNorm

Norm = Literal["none", "layer"]
NORMS: dict[Norm, type[nn.Module]] = {"none": nn.Identity, "layer": LayerNorm}


def joined(held: Tensor | None, inputs: Tensor) -> Tensor:
    """Returns the inputs `(B, C, n)` of a piece after those that are held from pieces before."""
    return inputs if held is None else torch.cat([held, inputs], dim=-1)


def newest(sequence: Tensor, length: int) -> Tensor:
    """Returns the last `length` elements of `(B, C, n)`."""
    return sequence[..., sequence.shape[-1] - length :]


class CausalConvolution(nn.Module):
    """Convolution without padding, whose output is anchored at the last input that it reads.

    Args:
        input_dim: Channels of the input.
        dim: Channels of the output.
        kernel: Filter length.
        stride: Inputs from one output to the next.
        dilation: Inputs from one tap of the filter to the next.

    Attributes:
        layer: Geometry of the convolution.
    """

    def __init__(
        self, input_dim: int, dim: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.layer = Down(kernel, stride, dilation, anchor="last")
        self.convolution = nn.Conv1d(input_dim, dim, kernel, stride, dilation=dilation)

    def forward(self, inputs: Tensor, held: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns the outputs that a piece of the inputs completes.

        Args:
            inputs: `(B, input_dim, n)`.
            held: Inputs that the pieces before have left; None at the beginning.

        Returns:
            `(B, dim, m)`, and the inputs `(B, input_dim, h)` that later outputs read. The piece may
            complete no output, in the beginning or with a stride.
        """
        whole = joined(held, inputs)
        num_outputs = self.layer.output_length(whole.shape[-1])
        left = whole[..., num_outputs * self.layer.stride :]
        if num_outputs == 0:  # which torch's convolution refuses
            return whole.new_zeros(len(whole), self.convolution.out_channels, 0), left
        return self.convolution(whole), left


class Pointwise(nn.Conv1d):
    """Convolution of kernel 1, which also takes a piece of no length.

    Args:
        input_dim: Channels of the input.
        dim: Channels of the output.
    """

    def __init__(self, input_dim: int, dim: int) -> None:
        super().__init__(input_dim, dim, 1)

    def forward(self, input: Tensor) -> Tensor:
        """Returns `(B, dim, n)` of `(B, input_dim, n)`."""
        if input.shape[-1] == 0:  # which torch's convolution refuses
            return input.new_zeros(len(input), self.out_channels, 0)
        return super().forward(input)


class CausalBlock(nn.Module):
    """Residual block of two weight layers: `x[t] + W2 relu(W1 relu(norm(y)))[t]`.

    W1 is a dilated causal convolution, W2 has kernel 1 (van den Oord et al. 2017, sec. 4.1). What
    the convolution reads, y, is the block's own sequence x, or one that is combined from several.

    Args:
        input_dim: Channels of y.
        dim: Channels of x and of the output.
        kernel: Filter length of W1.
        dilation: Dilation of W1.
        norm: What is done to y first, at each position by itself: `none`, or `layer` normalization.
    """

    def __init__(self, input_dim: int, dim: int, kernel: int, dilation: int, norm: Norm) -> None:
        super().__init__()
        self.norm = NORMS[norm](input_dim)
        self.dilated = CausalConvolution(input_dim, dim, kernel, dilation=dilation)
        self.mix = Pointwise(dim, dim)

    def forward(self, own: Tensor, read: Tensor, held: Tensor | None) -> tuple[Tensor, Tensor]:
        """Returns the output of a piece, and what later outputs read.

        Args:
            own: x `(B, dim, n)`.
            read: y `(B, input_dim, n)`, of the same instants.
            held: What the pieces before have left; None at the beginning.

        Returns:
            `(B, dim, m)`, m at most n, at the last of the instants; and `(B, input_dim, h)`.
        """
        hidden, held = self.dilated(F.relu(self.norm(read)), held)
        return newest(own, hidden.shape[-1]) + self.mix(F.relu(hidden)), held
