"""VQ-VAE (van den Oord et al. 2017, arXiv 1711.00937).

The codebook is learned by gradient (`VQVAE`) or by moving averages (`VQVAEEMA`).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.bottlenecks.base import Projection
from wavenet_ae.bottlenecks.codebook import (
    CodebookSize,
    dead_codes,
    initial_codes,
    nearest_codes,
    num_initial_vectors,
    reset_averages,
    sample_rows,
)
from wavenet_ae.bottlenecks.gradients import Gradient
from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.distributed import all_gather, all_reduce_sum
from wavenet_ae.schema import NonNegative, OpenFraction, PositiveNumber, Width
from wavenet_ae.types import Step

Distance = Literal["euclidean", "cosine"]
VQInit = Literal["kmeans", "principal", "samples", "uniform"]


class VectorQuantizer(Quantizer):
    """Base class of quantizers that choose the nearest code; codes are `(B, N)`.

    Subclasses define how the codebook is learned. Under gradient accumulation, each micro-batch is
    a forward pass; `start_after` counts optimizer steps.

    With the distance `cosine`, latents and codes are scaled to length 1 (Yu et al. 2022, arXiv
    2110.04627, sec. 3.2): only the direction of a latent chooses its code.

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the vectors, D.
        codebook_size: K.
        init: Initialization of the codebook: `kmeans` or `samples` of encoder outputs, or
            `uniform`. With `principal`, the projection of the latents becomes that onto their
            principal components, in which `kmeans` then finds the codes: for an encoder that is
            trained already.
        start_after: Optimizer steps during which latents pass unquantized.
        revive_after: Forward passes in training after which an unused code restarts from a latent;
            0 for never.
        normalize: Whether to standardize the latents, see `Projection`.
        gradient: How gradients pass the choice of a code: `straight_through`, `rotation` or
            `diveq`, see `wavenet_ae.bottlenecks.gradients`.
        distance: `euclidean` or `cosine`.

    Raises:
        ValueError: If `init` is `principal`, but another setting contradicts it.
    """

    codebook: Tensor  # (K, D); a parameter or a buffer, as the subclass decides
    unused_steps: Tensor

    def __init__(
        self,
        input_dim: int,
        dim: Width = 64,
        codebook_size: CodebookSize = 512,
        init: VQInit = "kmeans",
        start_after: NonNegative = 0,
        revive_after: NonNegative = 0,
        normalize: bool = False,
        gradient: Gradient = "straight_through",
        distance: Distance = "euclidean",
    ) -> None:
        if init == "principal":
            _require_principal(input_dim, dim, start_after, normalize)
        num_vectors = num_initial_vectors(init, codebook_size)
        super().__init__(
            input_dim,
            dim,
            codebook_size,
            start_after,
            normalize,
            num_vectors,
            gradient,
            unit_length=distance == "cosine",
        )
        self.init, self.revive_after, self.distance = init, revive_after, distance
        self.register_buffer("unused_steps", torch.zeros(codebook_size, dtype=torch.int64))
        # uniform in [-1/K, 1/K), as in the authors' implementation
        self.make_codebook((torch.rand(codebook_size, dim) * 2 - 1) / codebook_size)

    def make_codebook(self, codebook: Tensor) -> None:
        """Registers a first codebook `(K, D)` as a parameter or a buffer."""
        raise NotImplementedError

    def initialize_codebook(self, vectors: Tensor, generator: torch.Generator) -> None:
        codes = initial_codes(vectors, len(self.codebook), self.init, generator)
        self.reset_codes(slice(None), codes)

    @torch.no_grad()
    def begin_quantizing(self, latents: Tensor, seed: int) -> None:
        if self.init == "principal":
            assert isinstance(self.project, Projection)
            self.project.fit_principal(latents)
        super().begin_quantizing(latents, seed)

    @torch.no_grad()
    def reset_codes(self, which: Tensor | slice, vectors: Tensor) -> None:
        """Puts codes at `vectors`."""
        self.codebook[which] = vectors

    def quantize(self, z: Tensor) -> Tensor:
        codebook = self._scaled(self.codebook)
        return nearest_codes(flatten_time(z), codebook).view(z.shape[0], z.shape[2])

    def decode(self, codes: Tensor) -> Tensor:
        # Scaled after they are copied: codes are restarted in place before the backward pass.
        return self._scaled(F.embedding(codes, self.codebook)).transpose(1, 2)

    def _scaled(self, vectors: Tensor) -> Tensor:
        """Returns vectors `(..., D)` of codes as they are, or their directions."""
        return F.normalize(vectors, dim=-1) if self.distance == "cosine" else vectors

    @torch.no_grad()
    def update_codebook(self, z: Tensor, codes: Tensor, step: Step) -> int:
        """Updates the codebook from the global batch and restarts unused codes.

        Args:
            z: Projected latents `(B, D, N)` of this process.
            codes: Their codes `(B, N)`.
            step: Number and seed of the step.

        Returns:
            The number of codes that were restarted.
        """
        vectors = flatten_time(z)
        one_hot = torch.nn.functional.one_hot(codes.flatten(), len(self.codebook)).to(z.dtype)
        counts = all_reduce_sum(one_hot.sum(dim=0))  # (K,) over the global batch
        self.update_ema(counts, all_reduce_sum(one_hot.t() @ vectors))
        dead = dead_codes(self.unused_steps, counts, self.revive_after)
        if len(dead):
            generator = torch.Generator().manual_seed(step.seed)
            self.reset_codes(dead, sample_rows(flatten_time(all_gather(z)), len(dead), generator))
        return len(dead)

    def update_ema(self, counts: Tensor, sums: Tensor) -> None:
        """Updates moving averages from a step; a no-op unless the codebook is learned by them.

        Args:
            counts: `(K,)`, latents of each code in the global batch.
            sums: `(K, D)`, sums of these latents.
        """


def _require_principal(input_dim: int, dim: int, start_after: int, normalize: bool) -> None:
    """Raises ValueError where the projection cannot be that onto principal components."""
    remedies = {
        "start_after=0, as the projection is made before the first step": start_after > 0,
        "normalize=false, as the components are standardized already": normalize,
        f"dim={input_dim} or less, as the encoder has so many channels": dim > input_dim,
    }
    needed = [each for each, is_needed in remedies.items() if is_needed]
    if needed:
        raise ValueError("bottleneck.init=principal needs bottleneck." + ", and ".join(needed))


class VQVAE(VectorQuantizer):
    """VQ-VAE whose codebook is a parameter, which the loss `codebook` moves.

    With the gradient `diveq`, the decoder's gradient reaches the codes, and there are no losses.
    """

    has_codebook_loss = True

    def make_codebook(self, codebook: Tensor) -> None:
        self.codebook = nn.Parameter(codebook)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        """Returns `codebook` and `commitment` `(B, N)`; with the gradient `diveq`, no losses."""
        return {} if self.gradient == "diveq" else super().losses(z, chosen, step)


class VQVAEEMA(VectorQuantizer):
    """VQ-VAE whose codes are moving averages of the latents assigned to them (appendix A.1).

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the vectors, D.
        codebook_size: K.
        init: Initialization of the codebook, see `VectorQuantizer`.
        start_after: Optimizer steps during which latents pass unquantized.
        revive_after: Forward passes in training after which an unused code restarts; 0 for never.
        normalize: Whether to standardize the latents, see `Projection`.
        decay: Decay of the averages per forward pass in training; under gradient accumulation, per
            micro-batch.
        smoothing: Laplace smoothing of the counts, so that codes without latents do not divide by
            0.
        gradient: How gradients pass the choice of a code, see `VectorQuantizer`. None of them
            reaches the codes.
        distance: `euclidean` or `cosine`, see `VectorQuantizer`.

    Raises:
        ValueError: If `decay` is not between 0 and 1.
    """

    counts: Tensor  # (K,) moving average of the latents per code
    sums: Tensor  # (K, D) moving average of the sum of these latents

    def __init__(
        self,
        input_dim: int,
        dim: Width = 64,
        codebook_size: CodebookSize = 512,
        init: VQInit = "kmeans",
        start_after: NonNegative = 0,
        revive_after: NonNegative = 0,
        normalize: bool = False,
        decay: OpenFraction = 0.99,
        smoothing: PositiveNumber = 1e-5,
        gradient: Gradient = "straight_through",
        distance: Distance = "euclidean",
    ) -> None:
        super().__init__(
            input_dim,
            dim,
            codebook_size,
            init,
            start_after,
            revive_after,
            normalize,
            gradient,
            distance,
        )
        if not 0 < decay < 1:
            raise ValueError(f"decay is {decay}, but must lie between 0 and 1")
        self.decay, self.smoothing = decay, smoothing

    def make_codebook(self, codebook: Tensor) -> None:
        self.register_buffer("codebook", codebook)
        self.register_buffer("counts", torch.ones(len(codebook)))
        self.register_buffer("sums", codebook.clone())

    @torch.no_grad()
    def update_ema(self, counts: Tensor, sums: Tensor) -> None:
        """Updates the averages, and each code to its smoothed mean (appendix A.1)."""
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        total = self.counts.sum()
        share = (self.counts + self.smoothing) / (total + len(self.counts) * self.smoothing)
        self.codebook.copy_(self.sums / (share * total)[:, None])

    @torch.no_grad()
    def reset_codes(self, which: Tensor | slice, vectors: Tensor) -> None:
        """Puts codes at `vectors`, and restarts their averages there."""
        super().reset_codes(which, vectors)
        reset_averages(self.counts, self.sums, which, vectors)
