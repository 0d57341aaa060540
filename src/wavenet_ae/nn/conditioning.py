"""From the vectors of codes to the conditioning of a decoder: time jitter, then upsampling."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.geometry import Chain, Down, Up
from wavenet_ae.schema import Width


def jitter_sources(uniform: Tensor, probability: float) -> Tensor:
    """Chooses the position that each position takes its vector from.

    Each position is replaced by its left or its right neighbor with probability `probability / 2`
    each, clamped at the ends (Chorowski et al. 2019, arXiv 1901.08810, sec. III-C). Where that
    would copy one code to three positions,

        shift    +1   0  -1          sources   i   i   i    becomes   i   i   i+1

    the last position keeps its own vector, so that no code is used three times in a row.

    Args:
        uniform: `(B, N)` uniform numbers in [0, 1).
        probability: Probability that a position is replaced.

    Returns:
        `(B, N)` int64, the source of each position.
    """
    shift = (uniform > 1 - probability / 2).long() - (uniform < probability / 2).long()
    tripled = (shift[:, :-2] == 1) & (shift[:, 1:-1] == 0) & (shift[:, 2:] == -1)
    shift[:, 2:] = shift[:, 2:].masked_fill(tripled, 0)
    num_codes = uniform.shape[1]
    positions = torch.arange(num_codes, device=uniform.device)
    return (positions + shift).clamp(0, num_codes - 1)


def jitter(vectors: Tensor, uniform: Tensor, probability: float) -> Tensor:
    """Replaces vectors by their neighbors in time, see `jitter_sources`.

    Args:
        vectors: `(B, D, N)`.
        uniform: `(B, N)` uniform numbers in [0, 1), which decide the replacements.
        probability: Probability that a position is replaced.

    Returns:
        `(B, D, N)`.
    """
    sources = jitter_sources(uniform, probability)
    return vectors.gather(2, sources[:, None].expand_as(vectors))


class Upsampling(nn.Module):
    """Convolution over neighboring codes, then transposed convolutions: `(B, D, N)` to `(B, C, M)`.

    Nothing is padded: each output reads all inputs that it would read inside an endless stream. If
    the strides stop short of the sample rate, the decoder repeats each vector for the rest, at next
    to no cost: 200 conditioning vectors per second already follow speech.

    Args:
        input_dim: Channels of the bottleneck's vectors, D.
        dim: Channels of the conditioning, C.
        context: Codes that the first convolution reads.
        strides: Upsampling factor of each transposed convolution.
        kernels: Kernel of each transposed convolution, at least its stride.

    Raises:
        ValueError: If there are not as many kernels as strides, or a kernel is shorter than its
            stride.
    """

    def __init__(
        self,
        input_dim: int,
        dim: Width = 128,
        context: Width = 3,
        strides: Sequence[Width] = (5, 4, 4, 4),
        kernels: Sequence[Width] = (25, 16, 16, 16),
    ) -> None:
        super().__init__()
        if len(strides) != len(kernels):
            raise ValueError(
                f"upsampling has {len(strides)} strides but {len(kernels)} kernels: list one "
                "stride and one kernel for each transposed convolution"
            )
        self.dim = dim
        self.context = nn.Conv1d(input_dim, dim, context)
        self.stages = nn.ModuleList(
            nn.ConvTranspose1d(dim, dim, kernel, stride, padding=kernel - stride)
            for stride, kernel in zip(strides, kernels, strict=True)
        )
        ups = (Up(k, s, name="upsampling") for s, k in zip(strides, kernels, strict=True))
        self.chain = Chain((Down(context, name="code context"), *ups))

    def forward(self, vectors: Tensor) -> Tensor:
        """Returns conditioning vectors `(B, C, M)` of the bottleneck's vectors `(B, D, N)`."""
        hidden = F.relu(self.context(vectors))
        for stage in self.stages:
            hidden = F.relu(stage(hidden))
        return hidden
