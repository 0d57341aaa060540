"""Other gradient estimators than `straight_through`: how a gradient passes the choice of a code.

A choice has no gradient of its own. All estimators give the decoder the chosen vector, and differ
in the gradient only. Tensors are `(B, D, N)`.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.bottlenecks.base import straight_through

Gradient = Literal["straight_through", "rotation", "diveq"]
LEAST_LENGTH = 1e-6  # of a vector that is divided by its length
DIVEQ_VARIANCE = 1e-3  # of the noise on each component of an error's direction


def rotation(z: Tensor, chosen: Tensor) -> Tensor:
    """Rotates and scales the gradient with the latent (Fifty et al. 2024, arXiv 2410.06424).

    The vector e of the code is written as `|e|/|z| R z`, where the rotation R turns z to e and is
    treated as a constant. With the unit vectors u of z, q of e and w of u + q, it is a product of
    two reflections (section 4.2):

        R = I - 2 w w^T + 2 q u^T

    Args:
        z: Latents `(B, D, N)`.
        chosen: Vectors of their codes `(B, D, N)`.

    Returns:
        `chosen`, with the gradient of the rotated and scaled `z`.
    """
    with torch.no_grad():
        u, q = _unit(z), _unit(chosen)
        w = _unit(u + q)
        scale = _length(chosen) / _length(z).clamp_min(LEAST_LENGTH)  # (B, 1, N)
    rotated = z - 2 * w * _dot(w, z) + 2 * q * _dot(u, z)
    # At z = 0 there is no rotation; the value is that of the code all the same.
    return straight_through(scale * rotated, chosen)


def diveq(z: Tensor, chosen: Tensor, noise: Tensor | None) -> Tensor:
    """Adds an error of the quantization error's length (Vali et al. 2025, arXiv 2509.26469).

    The result is `z + |e - z| d`, where the unit vector d points from z almost to e and is treated
    as a constant. The length passes the gradient to z and, if e is learned by gradient, to e.

    Args:
        z: Latents `(B, D, N)`.
        chosen: Vectors of their codes `(B, D, N)`.
        noise: Standard normal `(B, D, N)` that turns d a little, in training; None for none.

    Returns:
        `chosen` but for the noise, `(B, D, N)`.
    """
    error = chosen - z
    turned = error if noise is None else error + DIVEQ_VARIANCE**0.5 * noise.to(error.dtype)
    # A length of 0 has no gradient of its own; clamped, it passes none.
    length = error.square().sum(dim=1, keepdim=True).clamp_min(LEAST_LENGTH**2).sqrt()
    return z + length * _unit(turned.detach())


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors, dim=1, eps=LEAST_LENGTH)


def _length(vectors: Tensor) -> Tensor:
    return vectors.norm(dim=1, keepdim=True)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return (left * right).sum(dim=1, keepdim=True)
