"""k-means in torch: starts a codebook on the device where the encoder's outputs are."""

from __future__ import annotations

import torch
from torch import Tensor


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
