"""The affine map into a bottleneck."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavenet_ae.nn.batch_norm import BatchNorm


class Projection(nn.Module):
    """Latents (B, C, N) to (B, dim, N) in float32, each channel optionally standardized.

    Standardized latents keep the scale of the encoder's outputs and of the codebook together: a
    mismatch between them is the usual beginning of codebook collapse.
    """

    def __init__(self, input_dim: int, dim: int, normalize: bool) -> None:
        super().__init__()
        self.linear = nn.Conv1d(input_dim, dim, 1)
        self.norm = BatchNorm(dim, affine=False) if normalize else nn.Identity()

    def forward(self, latents: Tensor, is_training: bool) -> Tensor:
        """In training the batch's own mean and deviation standardize it, and are followed."""
        self.norm.train(is_training)
        with torch.autocast(latents.device.type, enabled=False):
            return self.norm(self.linear(latents.to(self.linear.weight.dtype)))
