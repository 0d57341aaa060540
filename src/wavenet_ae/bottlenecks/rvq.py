"""Residual vector quantization (Zeghidour et al. 2021, "SoundStream", arXiv 2107.03312)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

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
from wavenet_ae.bottlenecks.gradients import Gradient
from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time, pairwise_distances
from wavenet_ae.distributed import all_gather
from wavenet_ae.schema import AtLeast, AtMost, NonNegative, OpenFraction, Width
from wavenet_ae.types import Step

NumCodebooks = Annotated[int, AtLeast(2), AtMost(64)]


class RVQ(Quantizer):
    """Quantize a latent to a sum of codes, one of each codebook; codes are `(B, H, N)`.

    The first code is the nearest to the latent, and each further code is the nearest to the
    residual that the codes before it leave (SoundStream, Algorithm 1). The codebooks are moving
    averages, as in `VQVAEEMA`. The loss `commitment` is the distance to the sum.

    Under gradient accumulation, each micro-batch is a forward pass; `start_after` counts optimizer
    steps.

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the vectors, D.
        num_codebooks: H, at least 2.
        codebook_size: Codes of each codebook, K.
        init: Initialization of the codebooks: `kmeans` or `samples` of encoder outputs and of the
            residuals that the codebooks before leave, or `uniform`.
        start_after: Optimizer steps during which latents pass unquantized.
        revive_after: Forward passes in training after which an unused code restarts from an input
            of its codebook; 0 for never.
        normalize: Whether to standardize the latents, see `Projection`.
        decay: Decay of the averages per forward pass in training.
        gradient: How gradients pass the choice of the codes, as one step from the latent to the
            sum: `straight_through`, `rotation` or `diveq`.

    Raises:
        ValueError: If there are fewer than two codebooks.
    """

    unused_steps: Tensor

    def __init__(
        self,
        input_dim: int,
        dim: Width = 64,
        num_codebooks: NumCodebooks = 2,
        codebook_size: CodebookSize = 512,
        init: Init = "kmeans",
        start_after: NonNegative = 0,
        revive_after: NonNegative = 0,
        normalize: bool = False,
        decay: OpenFraction = 0.99,
        gradient: Gradient = "straight_through",
    ) -> None:
        if num_codebooks < 2:
            raise ValueError(f"num_codebooks is {num_codebooks}, but must be at least 2")
        num_vectors = num_initial_vectors(init, codebook_size)
        super().__init__(
            input_dim, dim, codebook_size, start_after, normalize, num_vectors, gradient
        )
        self.num_codebooks, self.init, self.revive_after = num_codebooks, init, revive_after
        unused_steps = torch.zeros(num_codebooks, codebook_size, dtype=torch.int64)
        self.register_buffer("unused_steps", unused_steps)
        # Restarts and processes are handled here: the library draws from global random state, and
        # asks for the number of processes when it is built, before training has started them.
        import vector_quantize_pytorch  # slow, and of no use to other bottlenecks

        self.residual = vector_quantize_pytorch.ResidualVQ(
            dim=dim,
            num_quantizers=num_codebooks,
            codebook_size=codebook_size,
            decay=decay,
            commitment_weight=0.0,
            rotation_trick=False,
            sync_codebook=False,
        )

    @torch.no_grad()
    def initialize_codebook(self, vectors: Tensor, generator: torch.Generator) -> None:
        residual = vectors
        for stage in self.residual.layers:
            codes = initial_codes(residual, self.codebook_size, self.init, generator)
            _reset_codes(stage, slice(None), codes)
            residual = residual - codes[nearest_codes(residual, codes)]

    def quantize(self, z: Tensor) -> Tensor:
        # Frozen: the library would update from the latents of this process alone.
        _, codes, _ = self.residual(z.transpose(1, 2).detach(), freeze_codebook=True)  # (B, N, H)
        return codes.transpose(1, 2)

    def decode(self, codes: Tensor) -> Tensor:
        return self.residual.get_output_from_indices(codes.transpose(1, 2)).transpose(1, 2)

    def codebook_vectors(self) -> Tensor:
        """Returns the vectors `(K, D)` of the first codebook, which quantizes the latents."""
        return self.residual.layers[0].codebook

    def code_distances(self, latents: Tensor, earlier: Sequence[Tensor] = ()) -> Tensor:
        """Returns the squared distances `(B, N, K)` of what earlier codes leave of the latents."""
        residual = latents
        for stage, codes in zip(self.residual.layers, earlier, strict=False):
            residual = residual - stage.codebook[codes].transpose(1, 2)
        return pairwise_distances(residual, self.residual.layers[len(earlier)].codebook)

    @torch.no_grad()
    def update_codebook(self, z: Tensor, codes: Tensor, step: Step) -> int:
        """Updates each codebook from the global batch and restarts its unused codes.

        Args:
            z: Projected latents `(B, D, N)` of this process.
            codes: Their codes `(B, H, N)`.
            step: Number and seed of the step.

        Returns:
            The number of codes that were restarted.
        """
        residual, codes = (
            flatten_time(all_gather(z)),
            flatten_time(all_gather(codes)),
        )  # (V, D), (V, H)
        generator = torch.Generator().manual_seed(step.seed)
        num_revived = 0
        for stage, unused_steps, chosen in zip(
            self.residual.layers, self.unused_steps, codes.t(), strict=True
        ):
            vectors = stage.codebook[chosen]  # before it moves
            stage.update_indices(residual[None], chosen[None])
            counts = torch.bincount(chosen, minlength=self.codebook_size)
            dead = dead_codes(unused_steps, counts, self.revive_after)
            _reset_codes(stage, dead, sample_rows(residual, len(dead), generator))
            num_revived += len(dead)
            residual = residual - vectors
        return num_revived


def _reset_codes(stage: Any, which: Tensor | slice, vectors: Tensor) -> None:
    """Puts codes of a stage at `vectors`, and restarts their averages there."""
    codebook = stage._codebook  # embed (1, K, D), its averages: cluster_size (1, K), embed_avg
    codebook.embed[0, which] = vectors
    reset_averages(codebook.cluster_size[0], codebook.embed_avg[0], which, vectors)
