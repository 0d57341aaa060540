"""Residual vector quantization (Zeghidour et al. 2021, "SoundStream", arXiv 2107.03312)."""

from __future__ import annotations

from typing import Annotated, Any

import torch
import vector_quantize_pytorch
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
from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.distributed import all_gather
from wavenet_ae.schema import AtLeast, NonNegative, OpenFraction, Positive
from wavenet_ae.types import Step

NumCodebooks = Annotated[int, AtLeast(2)]


class RVQ(Quantizer):
    """A latent is the sum of one code of each codebook, codes (B, Q, N): the first is the nearest
    to the latent, each further one the nearest to what the ones before leave (Algorithm 1).

    The codebooks follow moving averages, as that of VQVAEEMA does.  `commitment` is the distance
    to the sum.

    init          where the codebooks start: `kmeans` or `samples` of encoder outputs and of what
                  the codebooks before leave of them, or `uniform`
    revive_after  forward passes in training after which an unused code restarts from what its
                  codebook quantizes; 0: never
    decay         of the averages, per forward pass in training

    Under gradient accumulation each micro-batch is a forward pass; `start_after` counts optimizer
    steps.
    """

    unused_steps: Tensor

    def __init__(
        self,
        input_dim: int,
        dim: Positive = 64,
        num_codebooks: NumCodebooks = 2,
        codebook_size: CodebookSize = 512,
        init: Init = "kmeans",
        start_after: NonNegative = 0,
        revive_after: NonNegative = 0,
        normalize: bool = False,
        decay: OpenFraction = 0.99,
    ) -> None:
        if num_codebooks < 2:
            raise ValueError(f"num_codebooks is {num_codebooks}, but must be at least 2")
        num_vectors = num_initial_vectors(init, codebook_size)
        super().__init__(input_dim, dim, codebook_size, start_after, normalize, num_vectors)
        self.num_codebooks, self.init, self.revive_after = num_codebooks, init, revive_after
        unused_steps = torch.zeros(num_codebooks, codebook_size, dtype=torch.int64)
        self.register_buffer("unused_steps", unused_steps)
        # Restarts and processes are ours: the library draws from global random state, and asks for
        # processes when it is built, which is before there are any.
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
        # Frozen: otherwise it would follow the latents of this process alone.
        _, codes, _ = self.residual(z.transpose(1, 2).detach(), freeze_codebook=True)  # (B, N, Q)
        return codes.transpose(1, 2)

    def decode(self, codes: Tensor) -> Tensor:
        return self.residual.get_output_from_indices(codes.transpose(1, 2)).transpose(1, 2)

    def codebook_vectors(self) -> Tensor:
        return self.residual.layers[0].codebook

    @torch.no_grad()
    def update_codebook(self, z: Tensor, codes: Tensor, step: Step) -> int:
        """Follow the latents of the global batch and revive unused codes, codebook by codebook."""
        residual, codes = (
            flatten_time(all_gather(z)),
            flatten_time(all_gather(codes)),
        )  # (V, D), (V, Q)
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
    """Put codes of a stage at `vectors`, as VQVAEEMA does."""
    codebook = stage._codebook  # embed (1, K, D), its averages: cluster_size (1, K), embed_avg
    codebook.embed[0, which] = vectors
    reset_averages(codebook.cluster_size[0], codebook.embed_avg[0], which, vectors)
