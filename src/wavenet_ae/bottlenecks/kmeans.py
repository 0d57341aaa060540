"""k-means in torch: starts a codebook on the device where the encoder's outputs are."""

from __future__ import annotations

import torch
from torch import Tensor


def _spread(vectors: Tensor, num_centres: int, generator: torch.Generator) -> Tensor:
    """First centres by k-means++ (Arthur & Vassilvitskii 2007): (V, D) -> (K, D)."""
    centres = torch.empty(num_centres, vectors.shape[1], dtype=vectors.dtype, device=vectors.device)
    pick = torch.randint(len(vectors), (1,), generator=generator)
    distance = torch.full((len(vectors),), torch.inf, dtype=vectors.dtype, device=vectors.device)
    for index in range(num_centres):
        centres[index] = vectors[pick.to(vectors.device)[0]]
        distance = torch.minimum(distance, (vectors - centres[index]).square().sum(dim=1))
        weights = distance.cpu().double().clamp_min(1e-12)  # some devices have no float64
        pick = torch.multinomial(weights, 1, generator=generator)
    return centres


@torch.no_grad()
def kmeans(
    vectors: Tensor, num_centres: int, generator: torch.Generator, num_iterations: int = 15
) -> Tensor:
    """Lloyd's algorithm: vectors (V, D) -> centres (K, D).  An empty cluster keeps its centre.

    The same vectors and generator give the same centres.  Raises ValueError with fewer vectors
    than centres.
    """
    if len(vectors) < num_centres:
        raise ValueError(f"{len(vectors)} vectors cannot start a codebook of {num_centres}")
    centres = _spread(vectors, num_centres, generator)
    for _ in range(num_iterations):
        nearest = torch.cdist(vectors, centres).argmin(dim=1)
        one_hot = torch.nn.functional.one_hot(nearest, num_centres).to(vectors.dtype)  # (V, K)
        counts = one_hot.sum(dim=0)[:, None]
        centres = torch.where(counts > 0, (one_hot.t() @ vectors) / counts.clamp_min(1), centres)
    return centres
