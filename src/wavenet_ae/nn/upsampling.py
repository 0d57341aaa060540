"""From codes to the conditioning of a decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.geometry import Chain, Down, Up
from wavenet_ae.schema import Positive


class Upsampling(nn.Module):
    """A convolution over neighboring codes, then transposed convolutions: (B, D, N) -> (B, C, M).

    Without padding: each output reads all that it would read inside an endless stream.  Where
    the strides stop short of the sample rate, the decoder holds every vector for the rest, which
    costs next to nothing: a conditioning of 200 vectors a second already follows speech.
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
            raise ValueError(f"upsampling has {len(strides)} strides but {len(kernels)} kernels")
        self.dim = dim
        self.context = nn.Conv1d(input_dim, dim, context)
        self.stages = nn.ModuleList(
            nn.ConvTranspose1d(dim, dim, kernel, stride, padding=kernel - stride)
            for stride, kernel in zip(strides, kernels, strict=True)
        )
        ups = (Up(k, s, name="upsampling") for s, k in zip(strides, kernels, strict=True))
        self.chain = Chain((Down(context, name="code context"), *ups))

    def forward(self, vectors: Tensor) -> Tensor:
        hidden = F.relu(self.context(vectors))
        for stage in self.stages:
            hidden = F.relu(stage(hidden))
        return hidden
