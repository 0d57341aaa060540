"""Upsampling from codes to the conditioning of a decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.geometry import Chain, Down, Up
from wavenet_ae.schema import Positive


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
        dim: Positive = 128,
        context: Positive = 3,
        strides: Sequence[Positive] = (5, 4, 4, 4),
        kernels: Sequence[Positive] = (25, 16, 16, 16),
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
