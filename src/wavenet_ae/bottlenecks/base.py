"""Contract of bottlenecks, the affine map with which most begin, and the usual gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.nn.normalization import BatchNorm
from wavenet_ae.types import BottleneckOutput, CodeWeighting, Step

LEAST_DEVIATION = 1e-6  # of a channel that is standardized; less is none


class Bottleneck(nn.Module):
    """Base class of bottlenecks: latents `(B, C, N)` to vectors `(B * L, dim, N)`.

    A bottleneck knows neither encoder nor decoder and returns unweighted losses; the objective
    weights them.

    Attributes:
        dim: Channels of the vectors.
        codebook_size: Codes of a codebook, K; None if the bottleneck is continuous.
        num_codebooks: H; codes are `(B, N)` if it is 1, else `(B, H, N)`.
        rows_per_codebook: Successive rows of the H that share a codebook, see `BandQuantizer`;
            usually 1.
        code_weighting: Usual weighting of losses per code for this kind of bottleneck.
        samples_per_datapoint: L, latent samples per datapoint in training.
        latent_noise_dim: Channels of normal noise that a training step samples; 0 for none.
        is_smoothed: Whether smoothing of a model's codes applies to those of this bottleneck.
        is_quantizing: Boolean buffer, whether `forward` returns codes. It is false for a continuous
            bottleneck, and until a quantizer begins to quantize.
    """

    dim: int
    codebook_size: int | None = None
    num_codebooks: int = 1
    rows_per_codebook: int = 1
    code_weighting: CodeWeighting = "mean"
    samples_per_datapoint: int = 1
    latent_noise_dim: int = 0
    is_smoothed: bool = True
    is_quantizing: Tensor

    def __init__(self) -> None:
        super().__init__()
        # checkpoints hold it where it changes: quantizers register it as persistent
        self.register_buffer("is_quantizing", torch.tensor(False), persistent=False)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        """Returns the vectors for the decoder, and the codes and losses.

        Args:
            latents: `(B, C, N)`.
            step: Number and random numbers of the training step. None in evaluation, in which the
                result is deterministic and no statistic changes.
        """
        raise NotImplementedError

    def encode(self, latents: Tensor) -> Tensor:
        """Returns the codes of latents.

        Args:
            latents: `(B, C, N)`.

        Returns:
            `(B, N)` or `(B, H, N)` int64.

        Raises:
            TypeError: If the bottleneck is continuous or does not quantize yet.
        """
        codes = self(latents).codes
        if codes is None:
            raise TypeError(
                f"the bottleneck {type(self).__name__} gives vectors, not codes: use its forward"
            )
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Returns the vectors `(B, dim, N)` of codes `(B, N)` or `(B, H, N)`.

        Raises:
            TypeError: If the bottleneck is continuous.
        """
        raise TypeError(f"the bottleneck {type(self).__name__} gives vectors, not codes")


class Projection(nn.Module):
    """Affine map of latents in float32, each output channel optionally standardized.

    Standardized latents keep the scale of the encoder's outputs and of the codebook together; a
    mismatch between them usually starts codebook collapse.

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the result.
        normalize: Whether to standardize each channel, without learned scale and shift.
        unit_length: Whether to then scale each vector to length 1.
    """

    def __init__(
        self, input_dim: int, dim: int, normalize: bool, unit_length: bool = False
    ) -> None:
        super().__init__()
        self.unit_length = unit_length
        self.linear = nn.Conv1d(input_dim, dim, 1)
        self.norm = BatchNorm(dim, affine=False) if normalize else nn.Identity()

    def forward(self, latents: Tensor, is_training: bool) -> Tensor:
        """Projects latents.

        Args:
            latents: `(B, C, N)`.
            is_training: Whether to standardize by the batch's own statistics and to update the
                running statistics from them.

        Returns:
            `(B, dim, N)` in the precision of the weights.
        """
        self.norm.train(is_training)
        with torch.autocast(latents.device.type, enabled=False):
            projected = self.norm(self.linear(latents.to(self.linear.weight.dtype)))
            return F.normalize(projected, dim=1) if self.unit_length else projected

    @torch.no_grad()
    def fit_principal(self, latents: Tensor) -> None:
        """Makes the map that onto the principal components of standardized latents.

        The components keep their relative variances; together they have variance 1 on average.

        Args:
            latents: `(B, C, N)`.

        Raises:
            ValueError: If there are fewer channels than components.
        """
        weight = self.linear.weight  # (D, C, 1)
        dim, num_channels, _ = weight.shape
        if dim > num_channels:
            raise ValueError(f"{num_channels} channels do not have {dim} principal components")
        rows = latents.transpose(1, 2).flatten(0, 1).to(weight.dtype)  # (B * N, C)
        mean, deviation = rows.mean(dim=0), rows.std(dim=0).clamp_min(LEAST_DEVIATION)
        variances, components = torch.linalg.eigh(torch.cov(((rows - mean) / deviation).t()))
        chosen = components[:, -dim:].flip(1).t()  # (D, C), largest variance first
        scale = variances[-dim:].mean().clamp_min(LEAST_DEVIATION**2).sqrt()
        matrix = chosen / deviation / scale
        weight.copy_(matrix[..., None])
        assert self.linear.bias is not None
        self.linear.bias.copy_(-matrix @ mean)


def straight_through(z: Tensor, chosen: Tensor) -> Tensor:
    """Copies the gradient to the latents (Bengio et al. 2013, arXiv 1308.3432).

    Args:
        z: Latents `(B, D, N)`.
        chosen: Vectors of their codes `(B, D, N)`.

    Returns:
        `chosen`, with the gradient of `z`.
    """
    return z + (chosen - z).detach()
