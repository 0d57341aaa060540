"""How past targets enter a decoder."""

from __future__ import annotations

from math import log

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MU = 255  # of the companding of amplitudes, ITU-T G.711


class LevelEmbedding(nn.Module):
    """Embeds levels; neighboring levels start alike, so that waveforms start as waveforms.

    Args:
        levels: Number of levels.
        dim: Channels of an embedding.
    """

    def __init__(self, levels: int, dim: int) -> None:
        super().__init__()
        ramp = torch.linspace(-1, 1, levels)[:, None]
        bend = (ramp.abs() - 0.5) * 0.5
        noise = torch.randn(levels, dim) / (1000 * dim) ** 0.5
        self.weight = nn.Parameter(ramp * torch.randn(1, dim) + bend * torch.randn(1, dim) + noise)

    def forward(self, targets: Tensor) -> Tensor:
        """Returns vectors (..., dim) of levels (...) int64."""
        return F.embedding(targets, self.weight)


class AmplitudeProjection(nn.Module):
    """Maps amplitudes in [-1, 1) to vectors, outside autocast: bfloat16 would lose half the bits.

    A vector is an affine map of the amplitude, of the mu-law companded amplitude, in which quiet
    samples differ as much as loud ones, and of its magnitude.

    Args:
        dim: Channels of a vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, targets: Tensor) -> Tensor:
        """Returns vectors (..., dim) of amplitudes (...)."""
        amplitude = targets.to(self.weight.dtype).contiguous()[..., None]
        companded = amplitude.sign() * torch.log1p(MU * amplitude.abs()) / log(1 + MU)
        linear, slope, bend = self.weight
        return amplitude * linear + companded * slope + companded.abs() * bend + self.bias


def target_input(levels: int | None, dim: int) -> nn.Module:
    """Returns the input of a decoder: of levels, or of amplitudes where there are none."""
    return AmplitudeProjection(dim) if levels is None else LevelEmbedding(levels, dim)
