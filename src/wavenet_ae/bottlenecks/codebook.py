"""Codebooks (K, D): the nearest code, initial codes (k-means), unused codes, moving averages."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from wavenet_ae.schema import AtLeast

Init = Literal["kmeans", "samples", "uniform"]
CodebookSize = Annotated[int, AtLeast(2)]
VECTORS_PER_CODE = 10  # drawn from the encoder to start a codebook
LEAST_WEIGHT = 0.1  # latents per step that a restarted code counts for, at least


def nearest_codes(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the codebook row nearest to each vector: (V, D), (K, D) -> (V,) int64."""
    # |v - e|^2 = |v|^2 - 2 v.e + |e|^2, of which the first term does not matter
    return (codebook.square().sum(dim=1) - 2 * vectors @ codebook.t()).argmin(dim=1)


def _spread(vectors: Tensor, num_centers: int, generator: torch.Generator) -> Tensor:
    """First centers by k-means++ (Arthur & Vassilvitskii 2007): (V, D) -> (K, D)."""
    centers = torch.empty(num_centers, vectors.shape[1], dtype=vectors.dtype, device=vectors.device)
    pick = torch.randint(len(vectors), (1,), generator=generator)
    distance = torch.full((len(vectors),), torch.inf, dtype=vectors.dtype, device=vectors.device)
    for index in range(num_centers):
        centers[index] = vectors[pick.to(vectors.device)[0]]
        distance = torch.minimum(distance, (vectors - centers[index]).square().sum(dim=1))
        weights = distance.cpu().double().clamp_min(1e-12)  # some devices have no float64
        pick = torch.multinomial(weights, 1, generator=generator)
    return centers


@torch.no_grad()
def kmeans(
    vectors: Tensor, num_centers: int, generator: torch.Generator, num_iterations: int = 15
) -> Tensor:
    """Lloyd's algorithm: vectors (V, D) -> centers (K, D).  An empty cluster keeps its center.

    The same vectors and generator give the same centers.  Raises ValueError with fewer vectors
    than centers.
    """
    if len(vectors) < num_centers:
        raise ValueError(f"{len(vectors)} vectors cannot start a codebook of {num_centers}")
    centers = _spread(vectors, num_centers, generator)
    for _ in range(num_iterations):
        nearest = torch.cdist(vectors, centers).argmin(dim=1)
        one_hot = torch.nn.functional.one_hot(nearest, num_centers).to(vectors.dtype)  # (V, K)
        counts = one_hot.sum(dim=0)[:, None]
        centers = torch.where(counts > 0, (one_hot.t() @ vectors) / counts.clamp_min(1), centers)
    return centers


def num_initial_vectors(init: Init, codebook_size: int) -> int:
    """How many encoder outputs a codebook needs to start."""
    return 0 if init == "uniform" else VECTORS_PER_CODE * codebook_size


def initial_codes(
    vectors: Tensor, codebook_size: int, init: Init, generator: torch.Generator
) -> Tensor:
    """A codebook (K, D) from vectors (V, D): their k-means centers, or K of them.

    Raises ValueError with fewer vectors than codes.
    """
    if init == "kmeans":
        return kmeans(vectors, codebook_size, generator)
    if len(vectors) < codebook_size:
        raise ValueError(f"{len(vectors)} vectors cannot start a codebook of {codebook_size}")
    picks = torch.randperm(len(vectors), generator=generator)[:codebook_size]
    return vectors[picks.to(vectors.device)]


def dead_codes(unused_steps: Tensor, counts: Tensor, revive_after: int) -> Tensor:
    """Codes (X,) that are due to restart, without latents for `revive_after` steps; 0: none.

    A step is a forward pass in training.

    counts        (K,) latents of each code in this step
    unused_steps  (K,) is changed: steps since each code was last used, or restarted
    """
    unused_steps.copy_(torch.where(counts > 0, 0, unused_steps + 1))
    if not revive_after:
        return unused_steps.new_empty(0)
    dead = (unused_steps >= revive_after).nonzero()[:, 0]
    unused_steps[dead] = 0
    return dead


def sample_rows(vectors: Tensor, num: int, generator: torch.Generator) -> Tensor:
    """`num` of the vectors (V, D), with replacement."""
    picks = torch.randint(len(vectors), (num,), generator=generator)
    return vectors[picks.to(vectors.device)]


def reset_averages(counts: Tensor, sums: Tensor, which: Tensor | slice, vectors: Tensor) -> None:
    """Let moving averages, counts (K,) and sums (K, D), of some codes begin at `vectors` (X, D).

    The codes get an average code's weight: a lesser one would be gone by the next step, a moving
    average of 0 dragging it to the origin.
    """
    weight = counts.mean().clamp_min(LEAST_WEIGHT)
    counts[which] = weight
    sums[which] = vectors * weight
