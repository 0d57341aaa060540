"""Plain autoencoder: an affine map to few dimensions."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.bottlenecks.base import Bottleneck
from wavenet_ae.bottlenecks.projection import Projection
from wavenet_ae.bounds import Positive
from wavenet_ae.types import BottleneckOutput, Step


class AE(Bottleneck):
    """(B, C, N) -> (B, dim, N).  Loss `norm`: squared norm per code, weighed 0 by default."""

    def __init__(self, input_dim: int, dim: Positive = 64, normalize: bool = False) -> None:
        super().__init__()
        self.dim = dim
        self.project = Projection(input_dim, dim, normalize)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        vectors = self.project(latents, is_training=step is not None)
        norm = vectors.square().sum(dim=1)  # (B, N)
        return BottleneckOutput(vectors, losses={"norm": norm}, latents=vectors)
