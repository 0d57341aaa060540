"""Time jitter: a regularizer on codes that are neighbors in time."""

from __future__ import annotations

import torch
from torch import Tensor


def jitter_sources(uniform: Tensor, probability: float) -> Tensor:
    """Which position each position takes its vector from: (B, N) uniform -> (B, N) int64.

    Each is replaced by its left or its right neighbor, `probability / 2` each, clamped at the
    ends (Chorowski et al. 2019, sec. III-C).  Where that would copy one code to three positions,

        shift    +1   0  -1          sources   i   i   i    becomes   i   i   i+1

    the last keeps its own, so that no code is heard three times over.
    """
    shift = (uniform > 1 - probability / 2).long() - (uniform < probability / 2).long()
    tripled = (shift[:, :-2] == 1) & (shift[:, 1:-1] == 0) & (shift[:, 2:] == -1)
    shift[:, 2:] = shift[:, 2:].masked_fill(tripled, 0)
    num_codes = uniform.shape[1]
    positions = torch.arange(num_codes, device=uniform.device)
    return (positions + shift).clamp(0, num_codes - 1)


def jitter(vectors: Tensor, uniform: Tensor, probability: float) -> Tensor:
    """Replace vectors (B, D, N) by neighbors; `uniform` (B, N) decides which."""
    sources = jitter_sources(uniform, probability)
    return vectors.gather(2, sources[:, None].expand_as(vectors))
