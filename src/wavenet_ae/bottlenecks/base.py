"""The contract of bottlenecks, and the affine map by which most begin."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavenet_ae.nn.batch_norm import BatchNorm
from wavenet_ae.types import BottleneckOutput, CodeWeighting, Step


class Bottleneck(nn.Module):
    """Latents (B, C, N) -> vectors (B * L, dim, N), perhaps through codes.

    A bottleneck knows neither encoder nor decoder and returns its losses raw, for the objective
    to weigh.  `step` is given in training and absent in evaluation, where the result is
    deterministic and no statistic changes.

    dim                    channels that the decoder sees
    codebook_size          number of codes of a codebook, None where the bottleneck is continuous
    num_codebooks          Q: codes are (B, N) where it is 1, otherwise (B, Q, N)
    code_weighting         the weighting of losses per code that is usual for this kind
    samples_per_datapoint  L
    latent_noise_dim       channels of normal noise that a training step draws; 0: none
    """

    dim: int
    codebook_size: int | None = None
    num_codebooks: int = 1
    code_weighting: CodeWeighting = "mean"
    samples_per_datapoint: int = 1
    latent_noise_dim: int = 0

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        raise NotImplementedError

    def encode(self, latents: Tensor) -> Tensor:
        """Codes (B, N) or (B, Q, N) of latents; TypeError where there are none."""
        codes = self(latents).codes
        if codes is None:
            raise TypeError(f"the bottleneck {type(self).__name__} gives vectors, not codes")
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Vectors (B, dim, N) of codes (B, N) or (B, Q, N); TypeError where there are none."""
        raise TypeError(f"the bottleneck {type(self).__name__} gives vectors, not codes")


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
