"""Codes of a fundamental frequency, on a fixed scale: one for unvoiced, the others for octaves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavenet_ae.bottlenecks.base import Bottleneck
from wavenet_ae.types import BottleneckOutput, Step

UNVOICED = 0  # code


class PitchCodes(Bottleneck):
    """Codes of octaves above the lowest pitch: `(B, 1, N)` to `(B, dim, N)`.

    The scale is fixed. What is learned is the vector of each code, which starts at 0, so that a
    decoder starts as one that does not know the pitch.

    Args:
        codebook_size: Codes, K: one for unvoiced, and K - 1 equal intervals of octaves.
        dim: Channels of the vectors.
        octaves: Octaves from the lowest pitch to the highest.

    Raises:
        ValueError: There are fewer than two codes.
    """

    is_smoothed = False

    def __init__(self, codebook_size: int, dim: int, octaves: float) -> None:
        super().__init__()
        if codebook_size < 2:
            raise ValueError(f"codebook_size is {codebook_size}, but must be at least 2")
        self.codebook_size, self.dim = codebook_size, dim
        self.interval = octaves / (codebook_size - 1)
        self.weight = nn.Parameter(torch.zeros(codebook_size, dim))
        self.is_quantizing.fill_(True)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        """Returns vectors `(B, dim, N)` and codes of octaves `(B, 1, N)`, below 0 if unvoiced."""
        number = (latents[:, 0] / self.interval).floor().nan_to_num(-1).long()
        codes = (1 + number).clamp(UNVOICED, len(self.weight) - 1)
        return BottleneckOutput(self.decode(codes), codes=codes, latents=latents)

    def decode(self, codes: Tensor) -> Tensor:
        return self.weight[codes].transpose(1, 2)
