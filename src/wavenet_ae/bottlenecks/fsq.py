"""Finite scalar quantisation (Mentzer et al. 2023, arXiv 2309.15505)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated

import vector_quantize_pytorch
from torch import Tensor

from wavenet_ae.bottlenecks.quantiser import Quantiser
from wavenet_ae.bounds import AtLeast, NonNegative
from wavenet_ae.types import Step

Levels = Sequence[Annotated[int, AtLeast(3)]]


class FSQ(Quantiser):
    """Each dimension is bounded by tanh and rounded to a few levels: no codebook, no losses.

    levels  of each dimension; their number is `dim`, their product the number of codes
    """

    def __init__(
        self,
        input_dim: int,
        levels: Levels = (8, 8, 8),
        start_after: NonNegative = 0,
        normalise: bool = False,
    ) -> None:
        if not levels or min(levels) < 3:
            raise ValueError(f"levels is {list(levels)}, but must list numbers of at least 3")
        super().__init__(input_dim, len(levels), prod(levels), start_after, normalise)
        self.grid = vector_quantize_pytorch.FSQ(list(levels))

    def assign(self, z: Tensor) -> Tensor:
        _, codes = self.grid(z.transpose(1, 2))
        return codes.long()

    def decode(self, codes: Tensor) -> Tensor:
        return self.grid.indices_to_codes(codes).transpose(1, 2)

    def unquantised(self, z: Tensor) -> Tensor:
        """Bounded, though not yet rounded."""
        return z.tanh()

    def straight_through(self, z: Tensor, chosen: Tensor) -> Tensor:
        """The gradient passes the rounding as it is, but not the tanh, which keeps z in bounds."""
        vectors, _ = self.grid(z.transpose(1, 2))
        return vectors.transpose(1, 2)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        return {}
