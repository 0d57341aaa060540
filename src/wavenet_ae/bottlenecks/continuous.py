"""Bottlenecks without codes: identity, autoencoder and variational autoencoder."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.bottlenecks.base import Bottleneck, Projection
from wavenet_ae.schema import Positive, Width
from wavenet_ae.types import BottleneckOutput, CodeWeighting, Step


class Identity(Bottleneck):
    """Pass latents `(B, C, N)` unchanged; a baseline that isolates the decoder.

    Args:
        input_dim: Channels of the latents.
    """

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        self.dim = input_dim

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        """Returns the latents as vectors."""
        return BottleneckOutput(latents, latents=latents)


class AE(Bottleneck):
    """Affine map to few dimensions, `(B, C, N)` to `(B, dim, N)`.

    The loss `norm` is the squared norm per code; its weight is 0 by default.

    Args:
        input_dim: Channels of the latents, C.
        dim: Channels of the vectors.
        normalize: Whether to standardize the vectors, see `Projection`.
    """

    def __init__(self, input_dim: int, dim: Width = 64, normalize: bool = False) -> None:
        super().__init__()
        self.dim = dim
        self.project = Projection(input_dim, dim, normalize)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        """Returns vectors `(B, dim, N)` and the loss `norm` `(B, N)`."""
        vectors = self.project(latents, is_training=step is not None)
        norm = vectors.square().sum(dim=1)  # (B, N)
        return BottleneckOutput(vectors, losses={"norm": norm}, latents=vectors)


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Returns KL(N(mean, variance) || N(0, 1)) per element, in nats.

    It is the term of Kingma and Welling 2014 (arXiv 1312.6114, appendix B).

    Args:
        mean: Means of any shape.
        log_variance: Logarithms of the variances, of the same shape.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


class VAE(Bottleneck):
    """Diagonal Gaussian per code (Kingma and Welling 2014, arXiv 1312.6114).

    It maps latents `(B, C, N)` to `(B * L, dim, N)`: L samples in training, the mean in evaluation.

    The loss `kl` is the KL divergence from N(0, I) per code, `(B, N)`, summed over dimensions,
    neither annealed nor clamped. Log-variances are clamped to `log_variance_range`, because exp()
    of an untrained encoder's output overflows beyond it.

    Args:
        input_dim: Channels of the latents, C.
        dim: Channels of the vectors.
        samples_per_datapoint: L.
    """

    code_weighting: CodeWeighting = "sequence"
    log_variance_range = (-8.0, 8.0)

    def __init__(
        self, input_dim: int, dim: Width = 64, samples_per_datapoint: Positive = 1
    ) -> None:
        super().__init__()
        if samples_per_datapoint < 1:
            raise ValueError(
                f"samples_per_datapoint is {samples_per_datapoint}, but must be at least 1"
            )
        self.dim = dim
        self.latent_noise_dim = dim
        self.samples_per_datapoint = samples_per_datapoint
        self.project = Projection(input_dim, 2 * dim, normalize=False)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        """Returns samples or the mean, and the loss `kl` `(B, N)` in nats."""
        statistics = self.project(latents, is_training=step is not None)
        mean, log_variance = statistics.chunk(2, dim=1)  # each (B, D, N)
        log_variance = log_variance.clamp(*self.log_variance_range)
        kl = gaussian_kl(mean, log_variance).sum(dim=1)  # (B, N)
        vectors = mean
        if step is not None and step.latent is not None:
            copies = self.samples_per_datapoint
            deviation = (0.5 * log_variance).exp().repeat_interleave(copies, dim=0)
            vectors = mean.repeat_interleave(copies, dim=0) + deviation * step.latent  # (B*L, D, N)
        return BottleneckOutput(vectors, losses={"kl": kl}, latents=mean, log_variance=log_variance)
