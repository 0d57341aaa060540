"""A frozen codebook behind a learned linear map: SimVQ (Zhu et al. 2024, arXiv 2411.02038)."""

from __future__ import annotations

import torch
import vector_quantize_pytorch
from torch import Tensor

from wavenet_ae.bottlenecks.codebook import (
    CodebookSize,
    Init,
    initial_codes,
    num_initial_vectors,
)
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.schema import NonNegative, Positive


class SimVQ(Quantizer):
    """Nearest of the codes C W^T, where C (K, D) is frozen and W (D, D) is learned.

    A step for one code moves all of them, so that none is left behind: there is nothing to revive.
    The loss `codebook` moves W.  The gradient is straight-through, as in the paper; the library
    would rotate it (arXiv 2410.06424).

    init  what C is: `uniform`, each component random in a range that makes codes about as long as
          1, or k-means centers or samples of encoder outputs, which W at first leaves as they are
    """

    has_codebook_loss = True

    def __init__(
        self,
        input_dim: int,
        dim: Positive = 64,
        codebook_size: CodebookSize = 512,
        init: Init = "kmeans",
        start_after: NonNegative = 0,
        normalize: bool = False,
    ) -> None:
        num_vectors = num_initial_vectors(init, codebook_size)
        super().__init__(input_dim, dim, codebook_size, start_after, normalize, num_vectors)
        self.init = init
        self.mapped_codebook = vector_quantize_pytorch.SimVQ(
            dim, codebook_size, init_fn=_uniform_like, rotation_trick=False
        )

    @torch.no_grad()
    def initialize_codebook(self, vectors: Tensor, generator: torch.Generator) -> None:
        codes = initial_codes(vectors, self.codebook_size, self.init, generator)
        self.mapped_codebook.frozen_codebook.copy_(codes)
        torch.nn.init.eye_(self.mapped_codebook.code_transform.weight)

    def quantize(self, z: Tensor) -> Tensor:
        _, codes, _ = self.mapped_codebook(z.transpose(1, 2))
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        return self.mapped_codebook.indices_to_codes(codes).transpose(1, 2)


def _uniform_like(codebook: Tensor) -> Tensor:
    """(K, D), its rows about as long as 1."""
    return (2 * torch.rand_like(codebook) - 1) * (3 / codebook.shape[1]) ** 0.5
