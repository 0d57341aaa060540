"""Random projection quantizer (Chiu et al. 2022, "BEST-RQ", arXiv 2202.01855)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.bottlenecks.codebook import CodebookSize, nearest_codes
from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.nn.normalization import BatchNorm
from wavenet_ae.schema import NonNegative, Width


class RandomProjectionQuantizer(Quantizer):
    """Nearest of random codes to a random projection of the latents; nothing is learned.

    Projections and codes have length 1 (section 3.1), and checkpoints hold both. Over an encoder
    without parameters, this gives codes that no training has shaped, a baseline; over a learned
    one, the straight-through gradient and the loss `commitment` train the encoder.

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the vectors, D.
        codebook_size: K.
        start_after: Optimizer steps during which the projections pass unquantized.
        normalize: Whether to standardize each channel of the latents before the projection.
            Otherwise they should have mean 0 and deviation 1, as those of `encoder=identity` do.
    """

    frozen_codes: Tensor  # (K, D), of length 1

    def __init__(
        self,
        input_dim: int,
        dim: Width = 16,
        codebook_size: CodebookSize = 8192,
        start_after: NonNegative = 0,
        normalize: bool = False,
    ) -> None:
        super().__init__(input_dim, dim, codebook_size, start_after, normalize)
        self.project = FrozenProjection(input_dim, dim, normalize)
        codes = torch.randn(codebook_size, dim)
        self.register_buffer("frozen_codes", F.normalize(codes, dim=1))

    def quantize(self, z: Tensor) -> Tensor:
        return nearest_codes(flatten_time(z), self.frozen_codes).view(z.shape[0], z.shape[2])

    def decode(self, codes: Tensor) -> Tensor:
        return F.embedding(codes, self.frozen_codes).transpose(1, 2)


class FrozenProjection(nn.Module):
    """Random linear map of latents to vectors of length 1, in float32; its weight is a buffer.

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the result.
        normalize: Whether to standardize each channel of the latents.
    """

    weight: Tensor  # (dim, input_dim)

    def __init__(self, input_dim: int, dim: int, normalize: bool) -> None:
        super().__init__()
        self.norm = BatchNorm(input_dim, affine=False) if normalize else nn.Identity()
        weight = torch.empty(dim, input_dim)
        self.register_buffer("weight", nn.init.xavier_normal_(weight))

    def forward(self, latents: Tensor, is_training: bool) -> Tensor:
        """Projects latents.

        Args:
            latents: `(B, C, N)`.
            is_training: Whether to standardize by the batch's own statistics and to update the
                running statistics from them.

        Returns:
            `(B, dim, N)` of length 1 in the precision of the weight.
        """
        self.norm.train(is_training)
        with torch.autocast(latents.device.type, enabled=False):
            standardized = self.norm(latents.to(self.weight.dtype))  # (B, C, N)
            return F.normalize(F.conv1d(standardized, self.weight[:, :, None]), dim=1)
