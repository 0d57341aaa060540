"""SimVQ: a frozen codebook behind a learned linear map (Zhu et al. 2024, arXiv 2411.02038)."""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.codebook import (
    CodebookSize,
    Init,
    initial_codes,
    num_initial_vectors,
)
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.schema import NonNegative, Width


class SimVQ(Quantizer):
    """Nearest of the codes `C W^T`, where C `(K, D)` is frozen and W `(D, D)` is learned.

    A step for one code moves all codes, so none is left behind and there is nothing to restart. The
    loss `codebook` moves W. The gradient is straight-through, as in the paper; the library would
    rotate it (arXiv 2410.06424).

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the vectors, D.
        codebook_size: K.
        init: Initialization of C: `uniform`, which makes codes of about length 1, or `kmeans` or
            `samples` of encoder outputs, with W starting at the identity.
        start_after: Optimizer steps during which latents pass unquantized.
        normalize: Whether to standardize the latents, see `Projection`.
    """

    has_codebook_loss = True

    def __init__(
        self,
        input_dim: int,
        dim: Width = 64,
        codebook_size: CodebookSize = 512,
        init: Init = "kmeans",
        start_after: NonNegative = 0,
        normalize: bool = False,
    ) -> None:
        num_vectors = num_initial_vectors(init, codebook_size)
        super().__init__(input_dim, dim, codebook_size, start_after, normalize, num_vectors)
        self.init = init
        import vector_quantize_pytorch  # slow, and of no use to other bottlenecks

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
    """Returns a codebook `(K, D)` with rows of about length 1."""
    return (2 * torch.rand_like(codebook) - 1) * (3 / codebook.shape[1]) ** 0.5
