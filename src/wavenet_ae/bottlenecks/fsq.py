"""Finite scalar quantization (Mentzer et al. 2023, arXiv 2309.15505)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated

import torch
import vector_quantize_pytorch
from torch import Tensor

from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.schema import AtLeast, NonNegative
from wavenet_ae.types import Step

Levels = Sequence[Annotated[int, AtLeast(3)]]
MARGIN = 1e-3  # by which the bounds exceed the outermost levels, as in the library


class FSQ(Quantizer):
    """Each dimension is bounded by tanh and rounded to a few levels: no codebook, no losses.

    levels  of each dimension; their number is `dim`, their product the number of codes
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
        self.grid = vector_quantize_pytorch.FSQ(list(levels))

    def quantize(self, z: Tensor) -> Tensor:
        _, codes = self.grid(z.transpose(1, 2))
        return codes.long()

    def decode(self, codes: Tensor) -> Tensor:
        return self.grid.indices_to_codes(codes).transpose(1, 2)

    def unquantized(self, z: Tensor) -> Tensor:
        """What `quantize` rounds (appendix A.1): quantizing changes the values by rounding only.

        An even number of levels has one more below 0 than above, hence the offset.
        """
        half_range = (self.num_levels - 1) * (1 + MARGIN) / 2  # (D,), in levels
        offset = torch.where(self.num_levels % 2 == 0, 0.5, 0.0)
        shift = (offset / half_range).atanh()  # 0 stays 0
        bounded = (z.transpose(1, 2) + shift).tanh() * half_range - offset  # (B, N, D)
        return (bounded / (self.num_levels // 2)).transpose(1, 2)

    def straight_through(self, z: Tensor, chosen: Tensor) -> Tensor:
        """The gradient passes the rounding as it is, but not the tanh, which keeps z in bounds."""
        return super().straight_through(self.unquantized(z), chosen)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        return {}
