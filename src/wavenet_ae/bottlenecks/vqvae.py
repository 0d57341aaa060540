"""VQ-VAE with a codebook learned by gradient (van den Oord et al. 2017, arXiv 1711.00937)."""

from __future__ import annotations

from torch import Tensor, nn

from wavenet_ae.bottlenecks.quantiser import squared_distance
from wavenet_ae.bottlenecks.vector_quantiser import VectorQuantiser
from wavenet_ae.types import Step


class VQVAE(VectorQuantiser):
    """Adds the loss `codebook`: |sg(z) - e|^2 per code (eq. 3, second term)."""

    def make_codebook(self, codebook: Tensor) -> None:
        self.codebook = nn.Parameter(codebook)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        codebook = squared_distance(z.detach(), chosen)
        return {"codebook": codebook, **super().losses(z, chosen, step)}
