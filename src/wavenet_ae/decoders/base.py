"""The contract of decoders, and how past targets enter them."""

from __future__ import annotations

from math import log
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.decoders.output import OutputDistribution
from wavenet_ae.geometry import Chain


class Decoder(nn.Module):
    """Predicts each target from those before it, conditioning vectors and the speaker.

    `forward` predicts a window at once, for training; `prime` and `step` predict one target after
    another, for generation.  Both give the same parameters: `forward` over R + W - 1 targets equals
    `prime` with the first R - 1 of them and W steps.

    Conditioning vector m is held for positions m * hop .. (m + 1) * hop - 1 of the outputs of the
    chain's first layer.

    A decoder of frames may read conditioning alone. What it is given as past it ignores, and it
    predicts as many targets as the conditioning allows, which may be more than W.

    Attributes:
        chain: Geometry from past targets to predictions; its receptive field is R.
        conditioning_hop: Positions for which one conditioning vector is held.
        output: Distribution whose parameters are predicted.
        input: Maps targets (...) to vectors (..., dim); all that the decoder does with a target.
        delay: Targets from the last position whose conditioning a prediction reads to the target
            itself, see `Alignment`.
        reads_past: Whether it reads past targets at all.
        has_fixed_context: Whether a prediction is a function of the last R targets alone.  Where it
            is not, as in a recurrent decoder, R targets warm the state up in training, and a
            stream that is generated remembers all of its past.
    """

    chain: Chain
    conditioning_hop: int
    output: OutputDistribution
    input: nn.Module
    delay: int = 1
    reads_past: ClassVar[bool] = True
    has_fixed_context: ClassVar[bool] = True

    def forward(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns parameters (B, P, W) of the predicted distributions.

        Args:
            past: Targets (B, R + W - 1), or frames (B, R + W - 1, C); prediction w is of the one
                that follows `past[:, R-1+w]`.
            conditioning: Vectors (B, C, M).
            speaker: Rows (B,) of the speaker embedding.
        """
        raise NotImplementedError

    def project(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns conditioning (B, C, M) as `step` takes it: (M, ...), one item a vector."""
        raise NotImplementedError

    def prime(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Any:
        """Returns the state after targets (B, R - 1), given conditioning (B, C, M)."""
        raise NotImplementedError

    def step(self, newest: Tensor, conditioning: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Returns parameters (B, P) of the next target and the new state.

        Args:
            newest: The newest targets (B,), or frames (B, C).
            conditioning: The item of `project` that is held for its position.
            state: From `prime` or `step`; it may be changed in place.
        """
        raise NotImplementedError


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
