"""Operations on codebooks `(K, D)`: nearest codes, k-means, unused codes, moving averages."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from wavenet_ae.schema import AtLeast, AtMost

Init = Literal["kmeans", "samples", "uniform"]
CodebookSize = Annotated[int, AtLeast(2), AtMost(2**18)]
VECTORS_PER_CODE = 10  # encoder outputs per code from which a codebook is initialized
LEAST_WEIGHT = 0.1  # least count, in latents per step, of a restarted code


def nearest_codes(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Returns the row of `codebook` that is nearest to each vector.

    Args:
        vectors: `(V, D)`.
        codebook: `(K, D)`.

    Returns:
        `(V,)` int64.
    """
    # |v - e|^2 = |v|^2 - 2 v.e + |e|^2; the first term is the same for all codes
    return (codebook.square().sum(dim=1) - 2 * vectors @ codebook.t()).argmin(dim=1)


def _spread(vectors: Tensor, num_centers: int, generator: torch.Generator) -> Tensor:
    """Returns first centers `(K, D)` of vectors `(V, D)` by k-means++ (Arthur and Vassilvitskii
    2007).
    """
    centers = torch.empty(num_centers, vectors.shape[1], dtype=vectors.dtype, device=vectors.device)
    pick = torch.randint(len(vectors), (1,), generator=generator)
    distance = torch.full((len(vectors),), torch.inf, dtype=vectors.dtype, device=vectors.device)
    for index in range(num_centers):
        centers[index] = vectors[pick.to(vectors.device)[0]]
        distance = torch.minimum(distance, (vectors - centers[index]).square().sum(dim=1))
        weights = distance.cpu().double().clamp_min(1e-12)  # on the CPU: some devices lack float64
        pick = torch.multinomial(weights, 1, generator=generator)
    return centers


@torch.no_grad()
def kmeans(
    vectors: Tensor, num_centers: int, generator: torch.Generator, num_iterations: int = 15
) -> Tensor:
    """Clusters vectors by Lloyd's algorithm; an empty cluster keeps its center.

    The same vectors and generator give the same centers.

    Args:
        vectors: `(V, D)`.
        num_centers: K.
        generator: Source of the first centers.
        num_iterations: Iterations of assignment and update.

    Returns:
        Centers `(K, D)`.

    Raises:
        ValueError: If there are fewer vectors than centers.
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


def num_initial_vectors(init: str, codebook_size: int) -> int:
    """Returns how many encoder outputs the initialization of a codebook needs."""
    return 0 if init == "uniform" else VECTORS_PER_CODE * codebook_size


def initial_codes(
    vectors: Tensor, codebook_size: int, init: str, generator: torch.Generator
) -> Tensor:
    """Initializes a codebook from vectors.

    Args:
        vectors: `(V, D)`.
        codebook_size: K.
        init: `samples` for K of the vectors, otherwise the vectors' k-means centers.
        generator: Source of the random choices.

    Returns:
        Codebook `(K, D)`.

    Raises:
        ValueError: If there are fewer vectors than codes.
    """
    if init != "samples":
        return kmeans(vectors, codebook_size, generator)
    if len(vectors) < codebook_size:
        raise ValueError(f"{len(vectors)} vectors cannot start a codebook of {codebook_size}")
    picks = torch.randperm(len(vectors), generator=generator)[:codebook_size]
    return vectors[picks.to(vectors.device)]


def dead_codes(unused_steps: Tensor, counts: Tensor, revive_after: int) -> Tensor:
    """Returns the codes that are due to be restarted, and updates `unused_steps` in place.

    A step is a forward pass in training.

    Args:
        unused_steps: `(K,)` steps since each code was last used or restarted; updated.
        counts: `(K,)` latents of each code in this step.
        revive_after: Steps without latents after which a code is restarted; 0 for never.

    Returns:
        `(X,)` int64.
    """
    unused_steps.copy_(torch.where(counts > 0, 0, unused_steps + 1))
    if not revive_after:
        return unused_steps.new_empty(0)
    dead = (unused_steps >= revive_after).nonzero()[:, 0]
    unused_steps[dead] = 0
    return dead


def sample_rows(vectors: Tensor, num: int, generator: torch.Generator) -> Tensor:
    """Samples `num` of the vectors `(V, D)` with replacement."""
    picks = torch.randint(len(vectors), (num,), generator=generator)
    return vectors[picks.to(vectors.device)]


def reset_averages(counts: Tensor, sums: Tensor, which: Tensor | slice, vectors: Tensor) -> None:
    """Restarts the moving averages of some codes at `vectors`, in place.

    The codes get the weight of an average code. With less weight, they would be gone by the next
    step: a moving average of 0 would drag them to the origin.

    Args:
        counts: `(K,)` moving averages of the latents per code; updated.
        sums: `(K, D)` moving averages of the sums of these latents; updated.
        which: Codes to restart.
        vectors: `(X, D)`, their new places.
    """
    weight = counts.mean().clamp_min(LEAST_WEIGHT)
    counts[which] = weight
    sums[which] = vectors * weight
