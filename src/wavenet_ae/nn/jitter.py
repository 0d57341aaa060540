"""Time jitter, which regularizes codes that are neighbors in time."""

from __future__ import annotations

import torch
from torch import Tensor


def jitter_sources(uniform: Tensor, probability: float) -> Tensor:
    """Chooses the position that each position takes its vector from.

    Each position is replaced by its left or its right neighbor with probability `probability / 2`
    each, clamped at the ends (Chorowski et al. 2019, arXiv 1901.08810, sec. III-C). Where that
    would copy one code to three positions,

        shift    +1   0  -1          sources   i   i   i    becomes   i   i   i+1

    the last position keeps its own vector, so that no code is used three times in a row.

    Args:
        uniform: `(B, N)` uniform numbers in [0, 1).
        probability: Probability that a position is replaced.

    Returns:
        `(B, N)` int64, the source of each position.
    """
    shift = (uniform > 1 - probability / 2).long() - (uniform < probability / 2).long()
    tripled = (shift[:, :-2] == 1) & (shift[:, 1:-1] == 0) & (shift[:, 2:] == -1)
    shift[:, 2:] = shift[:, 2:].masked_fill(tripled, 0)
    num_codes = uniform.shape[1]
    positions = torch.arange(num_codes, device=uniform.device)
    return (positions + shift).clamp(0, num_codes - 1)


def jitter(vectors: Tensor, uniform: Tensor, probability: float) -> Tensor:
    """Replaces vectors by their neighbors in time, see `jitter_sources`.

    Args:
        vectors: `(B, D, N)`.
        uniform: `(B, N)` uniform numbers in [0, 1), which decide the replacements.
        probability: Probability that a position is replaced.

    Returns:
        `(B, D, N)`.
    """
    sources = jitter_sources(uniform, probability)
    return vectors.gather(2, sources[:, None].expand_as(vectors))
