"""What every bottleneck is."""

from __future__ import annotations

from torch import Tensor, nn

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
