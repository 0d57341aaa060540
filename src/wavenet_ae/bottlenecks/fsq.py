"""Finite scalar quantization (Mentzer et al. 2023, arXiv 2309.15505)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.base import straight_through
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.schema import AtLeast, AtMost, NonNegative
from wavenet_ae.types import Step

Levels = Sequence[Annotated[int, AtLeast(3), AtMost(256)]]
MARGIN = 1e-3  # relative distance from the outermost levels to the bounds, as in the library


class FSQ(Quantizer):
    """Bound each dimension by tanh and round it to a few levels; no codebook and no losses.

    Args:
        input_dim: Channels of the latents.
        levels: Levels of each dimension. Their number is `dim`, their product the number of codes.
        start_after: Optimizer steps during which latents pass unquantized.
        normalize: Whether to standardize the latents, see `Projection`.

    Raises:
        ValueError: If no level is given, or one is below 3.
    """

    num_levels: Tensor  # (D,)

    def __init__(
        self,
        input_dim: int,
        levels: Levels = (8, 8, 8),
        start_after: NonNegative = 0,
        normalize: bool = False,
    ) -> None:
        if not levels or min(levels) < 3:
            raise ValueError(f"levels is {list(levels)}, but must list numbers of at least 3")
        super().__init__(input_dim, len(levels), prod(levels), start_after, normalize)
        self.register_buffer("num_levels", torch.tensor(list(levels)), persistent=False)
        import vector_quantize_pytorch  # slow, and of no use to other bottlenecks

        self.grid = vector_quantize_pytorch.FSQ(list(levels))

    def quantize(self, z: Tensor) -> Tensor:
        _, codes = self.grid(z.transpose(1, 2))
        return codes.long()

    def decode(self, codes: Tensor) -> Tensor:
        return self.grid.indices_to_codes(codes).transpose(1, 2)

    def unquantized(self, z: Tensor) -> Tensor:
        """Returns the bounded values (appendix A.1), which `quantize` rounds.

        An even number of levels has one more below 0 than above, hence the offset.
        """
        half_range = (self.num_levels - 1) * (1 + MARGIN) / 2  # (D,), in levels
        offset = torch.where(self.num_levels % 2 == 0, 0.5, 0.0)
        shift = (offset / half_range).atanh()  # 0 stays 0
        bounded = (z.transpose(1, 2) + shift).tanh() * half_range - offset  # (B, N, D)
        return (bounded / (self.num_levels // 2)).transpose(1, 2)

    def pass_gradient(self, z: Tensor, chosen: Tensor, step: Step | None) -> Tensor:
        """Copies the gradient past the rounding, but not past the tanh, which bounds z."""
        return straight_through(self.unquantized(z), chosen)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        """Returns no losses: there is no codebook to commit to."""
        return {}
