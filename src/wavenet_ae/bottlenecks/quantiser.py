"""Vector quantisation: what its members share (van den Oord et al. 2017, arXiv 1711.00937)."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.base import Bottleneck
from wavenet_ae.bottlenecks.kmeans import kmeans
from wavenet_ae.bottlenecks.projection import Projection
from wavenet_ae.bounds import AtLeast, NonNegative, Positive
from wavenet_ae.nn.processes import copied_from_first, gathered, summed
from wavenet_ae.types import BottleneckOutput, Step

logger = logging.getLogger(__name__)

Init = Literal["kmeans", "samples", "uniform"]
CodebookSize = Annotated[int, AtLeast(2)]


def nearest_codes(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the codebook row nearest to each vector: (V, D), (K, D) -> (V,) int64."""
    # |v - e|^2 = |v|^2 - 2 v.e + |e|^2, of which the first term does not matter
    return (codebook.square().sum(dim=1) - 2 * vectors @ codebook.t()).argmin(dim=1)


def perplexity(counts: Tensor) -> Tensor:
    """exp of the entropy of code usage: counts (K,) -> scalar in [1, K]."""
    share = counts / counts.sum()
    return torch.special.entr(share).sum().exp()


class VectorQuantiser(Bottleneck):
    """Nearest code, straight-through: (B, C, N) -> (B, dim, N), codes (B, N).

    Loss `commitment`: |z - sg(e)|^2 per code.  Members say how the codebook follows the encoder.
    Against collapse:

    init          where the codebook starts: `kmeans` or `samples` of encoder outputs, or `uniform`
    start_after   optimizer steps during which latents pass unquantised, for the encoder to settle
    revive_after  training steps after which an unused code restarts from a latent; 0: never
    normalise     standardise the latents, see Projection
    """

    codebook: Tensor  # (K, D); a parameter or a buffer, as the member decides
    is_quantising: Tensor
    unused_steps: Tensor

    def __init__(
        self,
        input_dim: int,
        dim: Positive = 64,
        codebook_size: CodebookSize = 512,
        init: Init = "kmeans",
        start_after: NonNegative = 0,
        revive_after: NonNegative = 0,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        if codebook_size < 2:
            raise ValueError(f"codebook_size is {codebook_size}, but must be at least 2")
        self.dim, self.codebook_size = dim, codebook_size
        self.init, self.start_after, self.revive_after = init, start_after, revive_after
        self.project = Projection(input_dim, dim, normalise)
        self.register_buffer("is_quantising", torch.tensor(init == "uniform" and not start_after))
        self.register_buffer("unused_steps", torch.zeros(codebook_size, dtype=torch.int64))
        # uniform in [-1/K, 1/K), as in the authors' implementation
        self.make_codebook((torch.rand(codebook_size, dim) * 2 - 1) / codebook_size)

    def make_codebook(self, codebook: Tensor) -> None:
        """Keep a first codebook (K, D), as a parameter or as a buffer."""
        raise NotImplementedError

    @property
    def num_initial_vectors(self) -> int:
        """How many encoder outputs `start` asks for."""
        return 0 if self.init == "uniform" else 10 * (self.codebook_size or 1)

    def start(self, latents: Tensor, seed: int) -> None:
        """Begin to quantise, the codebook drawn from encoder outputs (B, C, N)."""
        if self.num_initial_vectors:
            with torch.no_grad():
                vectors = self.project(latents).transpose(1, 2).reshape(-1, self.dim)
            generator = torch.Generator().manual_seed(seed)
            if self.init == "kmeans":
                self.reset_codes(slice(None), kmeans(vectors, len(self.codebook), generator))
            else:
                picks = torch.randperm(len(vectors), generator=generator)[: len(self.codebook)]
                self.reset_codes(slice(None), vectors[picks.to(vectors.device)])
        for tensor in (self.codebook, *self.buffers(recurse=False)):
            copied_from_first(tensor)
        self.unused_steps.zero_()
        self.is_quantising.fill_(True)
        logger.info("quantising from here on: %s codes, init=%s", len(self.codebook), self.init)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        z = self.project(latents)  # (B, D, N)
        if not self.is_quantising:
            # The codebook takes part with weight 0: parameters that some steps leave without a
            # gradient stop data-parallel training.
            return BottleneckOutput(z + 0 * self.codebook.sum())
        flat = z.transpose(1, 2).reshape(-1, self.dim)  # (B * N, D)
        with torch.autocast(z.device.type, enabled=False):
            indices = nearest_codes(flat.detach(), self.codebook.detach())
        codes = indices.view(z.shape[0], z.shape[2])  # (B, N)
        chosen = self.decode(codes)
        output = BottleneckOutput(
            vectors=z + (chosen - z).detach(),
            codes=codes,
            losses=self.losses(z, chosen),
            metrics=self._metrics(flat, indices),
        )
        if step is not None:
            with torch.autocast(z.device.type, enabled=False):
                output.metrics["revived_codes"] = self._update(flat.detach(), indices, step)
        return output

    def losses(self, z: Tensor, chosen: Tensor) -> dict[str, Tensor]:
        return {"commitment": (z - chosen.detach()).square().sum(dim=1)}

    def decode(self, codes: Tensor) -> Tensor:
        return torch.nn.functional.embedding(codes, self.codebook).transpose(1, 2)

    def follow(self, counts: Tensor, sums: Tensor) -> None:
        """Let the codebook follow the encoder: how many latents each code got in this step, (K,),
        and their sums, (K, D)."""

    @torch.no_grad()
    def reset_codes(self, which: Tensor | slice, vectors: Tensor) -> None:
        """Put codes at `vectors`."""
        self.codebook[which] = vectors

    @torch.no_grad()
    def _update(self, vectors: Tensor, indices: Tensor, step: Step) -> Tensor:
        """Follow the encoder and revive unused codes; returns how many were revived."""
        one_hot = torch.nn.functional.one_hot(indices, len(self.codebook)).to(vectors.dtype)
        counts = summed(one_hot.sum(dim=0))  # (K,) of the global batch
        self.follow(counts, summed(one_hot.t() @ vectors))
        is_used = counts > 0
        self.unused_steps.copy_(torch.where(is_used, 0, self.unused_steps + 1))
        if not self.revive_after:
            return torch.zeros((), device=vectors.device)
        dead = (self.unused_steps >= self.revive_after).nonzero()[:, 0]
        if len(dead):
            vectors = gathered(vectors)
            generator = torch.Generator().manual_seed(step.seed)
            picks = torch.randint(len(vectors), (len(dead),), generator=generator)
            self.reset_codes(dead, vectors[picks.to(vectors.device)])
            self.unused_steps[dead] = 0
        return torch.tensor(float(len(dead)), device=vectors.device)

    @torch.no_grad()
    def _metrics(self, vectors: Tensor, indices: Tensor) -> dict[str, Tensor]:
        counts = torch.bincount(indices, minlength=len(self.codebook)).float()
        return {
            "batch_perplexity": perplexity(counts),
            "latent_norm": vectors.norm(dim=1).mean(),
            "codebook_norm": self.codebook.norm(dim=1).mean(),
        }
