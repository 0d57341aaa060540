"""VQ-VAE whose codebook follows moving averages (arXiv 1711.00937, appendix A.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.codebooks import CodebookSize, Init, reset_averages
from wavenet_ae.bottlenecks.vector_quantizer import VectorQuantizer
from wavenet_ae.bounds import NonNegative, OpenFraction, Positive, PositiveNumber


class VQVAEEMA(VectorQuantizer):
    """Each code is the moving average of the latents assigned to it.

    decay      of the averages, per forward pass in training: under gradient accumulation, per
               micro-batch
    smoothing  Laplace smoothing of the counts, so that a code without latents does not divide by 0
    """

    counts: Tensor  # (K,) moving average of how many latents each code got
    sums: Tensor  # (K, D) moving average of their sum

    def __init__(
        self,
        input_dim: int,
        dim: Positive = 64,
        codebook_size: CodebookSize = 512,
        init: Init = "kmeans",
        start_after: NonNegative = 0,
        revive_after: NonNegative = 0,
        normalize: bool = False,
        decay: OpenFraction = 0.99,
        smoothing: PositiveNumber = 1e-5,
    ) -> None:
        super().__init__(input_dim, dim, codebook_size, init, start_after, revive_after, normalize)
        if not 0 < decay < 1:
            raise ValueError(f"decay is {decay}, but must lie between 0 and 1")
        self.decay, self.smoothing = decay, smoothing

    def make_codebook(self, codebook: Tensor) -> None:
        self.register_buffer("codebook", codebook)
        self.register_buffer("counts", torch.ones(len(codebook)))
        self.register_buffer("sums", codebook.clone())

    @torch.no_grad()
    def average(self, counts: Tensor, sums: Tensor) -> None:
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        total = self.counts.sum()
        share = (self.counts + self.smoothing) / (total + len(self.counts) * self.smoothing)
        self.codebook.copy_(self.sums / (share * total)[:, None])

    @torch.no_grad()
    def reset_codes(self, which: Tensor | slice, vectors: Tensor) -> None:
        """Put codes, and the averages that they follow, at `vectors`."""
        super().reset_codes(which, vectors)
        reset_averages(self.counts, self.sums, which, vectors)
