"""VQ-VAE with a codebook learned by gradient (van den Oord et al. 2017, arXiv 1711.00937)."""

from __future__ import annotations

from torch import Tensor, nn

from wavenet_ae.bottlenecks.quantiser import Init, VectorQuantiser


class VQVAE(VectorQuantiser):
    """Adds the loss `codebook`: |sg(z) - e|^2 per code (eq. 3, second term)."""

    def __init__(
        self,
        input_dim: int,
        dim: int = 64,
        codebook_size: int = 512,
        init: Init = "kmeans",
        start_after: int = 0,
        revive_after: int = 0,
        normalise: bool = False,
    ) -> None:
        super().__init__(input_dim, dim, codebook_size, init, start_after, revive_after, normalise)
        self.codebook = nn.Parameter(self.uniform_codebook())

    def losses(self, z: Tensor, chosen: Tensor) -> dict[str, Tensor]:
        codebook = (z.detach() - chosen).square().sum(dim=1)
        return {"codebook": codebook, **super().losses(z, chosen)}
