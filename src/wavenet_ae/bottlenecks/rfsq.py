"""Residual FSQ: finite scalar quantization (arXiv 2309.15505) in stages (arXiv 2107.03312)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.base import straight_through
from wavenet_ae.bottlenecks.quantizer import Quantizer, pairwise_distances
from wavenet_ae.bottlenecks.rvq import NumCodebooks
from wavenet_ae.schema import AtLeast, AtMost, NonNegative
from wavenet_ae.types import Step

StageLevels = Sequence[Annotated[int, AtLeast(2), AtMost(256)]]


class ResidualFSQ(Quantizer):
    """Rounds each dimension to a few levels, and what is left to finer ones; codes `(B, H, N)`.

    The levels of the first stage span [-1, 1]. Those of each further stage divide a cell of the
    stage before it into as many parts again. H stages of L levels are thus L**H levels of equal
    distance in a dimension, written as H codes, coarse to fine. There is no codebook to learn, and
    there are no losses.

    Args:
        input_dim: Channels of the latents.
        levels: Levels of each dimension in each stage. Their number is `dim`, their product the
            number of codes of a stage.
        num_codebooks: Stages H, at least 2.
        start_after: Optimizer steps during which latents pass unquantized.
        normalize: Whether to standardize the latents, see `Projection`.

    Raises:
        ValueError: If no level is given, one is below 2, or there are fewer than two stages.
    """

    bound: Tensor  # (D,)

    def __init__(
        self,
        input_dim: int,
        levels: StageLevels = (8, 8, 8),
        num_codebooks: NumCodebooks = 2,
        start_after: NonNegative = 0,
        normalize: bool = False,
    ) -> None:
        if not levels or min(levels) < 2:
            raise ValueError(f"levels is {list(levels)}, but must list numbers of at least 2")
        if num_codebooks < 2:
            raise ValueError(f"num_codebooks is {num_codebooks}, but must be at least 2")
        super().__init__(input_dim, len(levels), prod(levels), start_after, normalize)
        self.num_codebooks = num_codebooks
        # the outer edge of the outermost cells of the first stage, which are centered on -1 and 1
        bound = 1 + 1 / (torch.tensor(list(levels), dtype=torch.float32) - 1)
        self.register_buffer("bound", bound, persistent=False)
        import vector_quantize_pytorch  # slow, and of no use to other bottlenecks

        self.stages = vector_quantize_pytorch.ResidualFSQ(
            levels=list(levels), num_quantizers=num_codebooks
        )

    def quantize(self, z: Tensor) -> Tensor:
        _, codes = self.stages(z.transpose(1, 2))  # (B, N, H)
        return codes.transpose(1, 2).long()

    def decode(self, codes: Tensor) -> Tensor:
        return self.stages.get_output_from_indices(codes.transpose(1, 2)).transpose(1, 2)

    def codebook_vectors(self) -> Tensor:
        """Returns the vectors `(K, D)` of the first stage's codes."""
        return self.stages.codebooks[0]

    def code_distances(self, latents: Tensor, earlier: Sequence[Tensor] = ()) -> Tensor:
        """Returns the squared distances `(B, N, K)` of what earlier codes leave of the latents."""
        codebooks = self.stages.codebooks * self.stages.scales[:, None]  # (H, K, D)
        residual = latents
        for codebook, codes in zip(codebooks, earlier, strict=False):
            residual = residual - codebook[codes].transpose(1, 2)
        return pairwise_distances(residual, codebooks[len(earlier)])

    def unquantized(self, z: Tensor) -> Tensor:
        """Returns the bounded values, which `quantize` rounds."""
        bound = self.bound[:, None]
        return (z / bound).tanh() * bound

    def pass_gradient(self, z: Tensor, chosen: Tensor, step: Step | None) -> Tensor:
        """Copies the gradient past the rounding, but not past the tanh, which bounds z."""
        return straight_through(self.unquantized(z), chosen)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        """Returns no losses: there is no codebook to commit to."""
        return {}
