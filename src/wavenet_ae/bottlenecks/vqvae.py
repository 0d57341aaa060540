"""VQ-VAE, its codebook learned by gradient or by moving averages (van den Oord et al. 2017,
arXiv 1711.00937)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavenet_ae.bottlenecks.codebook import (
    CodebookSize,
    Init,
    dead_codes,
    initial_codes,
    nearest_codes,
    num_initial_vectors,
    reset_averages,
    sample_rows,
)
from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.distributed import all_gather, all_reduce_sum
from wavenet_ae.schema import NonNegative, OpenFraction, Positive, PositiveNumber
from wavenet_ae.types import Step


class VectorQuantizer(Quantizer):
    """Nearest code: codes (B, N).  Members say how the codebook follows the encoder.

    Against collapse, beside what every Quantizer has:

    init          where the codebook starts: `kmeans` or `samples` of encoder outputs, or `uniform`
    revive_after  forward passes in training after which an unused code restarts from a latent;
                  0: never

    Under gradient accumulation each micro-batch is a forward pass; `start_after` counts optimizer
    steps.
    """

    codebook: Tensor  # (K, D); a parameter or a buffer, as the member decides
    unused_steps: Tensor

    def __init__(
        self,
        input_dim: int,
        dim: Positive = 64,
        codebook_size: CodebookSize = 512,
        init: Init = "kmeans",
        start_after: NonNegative = 0,
        revive_after: NonNegative = 0,
        normalize: bool = False,
    ) -> None:
        num_vectors = num_initial_vectors(init, codebook_size)
        super().__init__(input_dim, dim, codebook_size, start_after, normalize, num_vectors)
        self.init, self.revive_after = init, revive_after
        self.register_buffer("unused_steps", torch.zeros(codebook_size, dtype=torch.int64))
        # uniform in [-1/K, 1/K), as in the authors' implementation
        self.make_codebook((torch.rand(codebook_size, dim) * 2 - 1) / codebook_size)

    def make_codebook(self, codebook: Tensor) -> None:
        """Keep a first codebook (K, D), as a parameter or as a buffer."""
        raise NotImplementedError

    def initialize_codebook(self, vectors: Tensor, generator: torch.Generator) -> None:
        codes = initial_codes(vectors, len(self.codebook), self.init, generator)
        self.reset_codes(slice(None), codes)

    @torch.no_grad()
    def reset_codes(self, which: Tensor | slice, vectors: Tensor) -> None:
        """Put codes at `vectors`."""
        self.codebook[which] = vectors

    def quantize(self, z: Tensor) -> Tensor:
        return nearest_codes(flatten_time(z), self.codebook).view(z.shape[0], z.shape[2])

    def decode(self, codes: Tensor) -> Tensor:
        return torch.nn.functional.embedding(codes, self.codebook).transpose(1, 2)

    @torch.no_grad()
    def update_codebook(self, z: Tensor, codes: Tensor, step: Step) -> int:
        """Follow the encoder and revive unused codes; returns how many."""
        vectors = flatten_time(z)
        one_hot = torch.nn.functional.one_hot(codes.flatten(), len(self.codebook)).to(z.dtype)
        counts = all_reduce_sum(one_hot.sum(dim=0))  # (K,) of the global batch
        self.update_ema(counts, all_reduce_sum(one_hot.t() @ vectors))
        dead = dead_codes(self.unused_steps, counts, self.revive_after)
        if len(dead):
            generator = torch.Generator().manual_seed(step.seed)
            self.reset_codes(dead, sample_rows(flatten_time(all_gather(z)), len(dead), generator))
        return len(dead)

    def update_ema(self, counts: Tensor, sums: Tensor) -> None:
        """Let the codebook follow the encoder: how many latents each code got in this step, (K,),
        and their sums, (K, D)."""


class VQVAE(VectorQuantizer):
    """The codebook is a parameter, which the loss `codebook` moves."""

    has_codebook_loss = True

    def make_codebook(self, codebook: Tensor) -> None:
        self.codebook = nn.Parameter(codebook)


class VQVAEEMA(VectorQuantizer):
    """Each code is the moving average of the latents assigned to it (appendix A.1).

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
    def update_ema(self, counts: Tensor, sums: Tensor) -> None:
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
