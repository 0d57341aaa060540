"""VQ-VAE with a codebook learned by gradient (van den Oord et al. 2017, arXiv 1711.00937)."""

from __future__ import annotations

from torch import Tensor, nn

from wavenet_ae.bottlenecks.quantizer import CodebookLoss
from wavenet_ae.bottlenecks.vector_quantizer import VectorQuantizer


class VQVAE(CodebookLoss, VectorQuantizer):
    """The codebook is a parameter, which the loss `codebook` moves."""

    def make_codebook(self, codebook: Tensor) -> None:
        self.codebook = nn.Parameter(codebook)
