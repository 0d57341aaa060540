"""Lookup-free quantization (Yu et al. 2023, arXiv 2310.05737)."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.distributed import all_reduce_sum_with_gradient, world_size
from wavenet_ae.schema import AtLeast, AtMost, NonNegative, PositiveNumber
from wavenet_ae.types import Step

NumBits = Annotated[int, AtLeast(1), AtMost(18)]  # the entropy term has 2**bits columns


class LFQ(Quantizer):
    """Quantize each dimension to its sign; the codes are the 2**num_bits corners of a hypercube.

    In training, there is a loss `entropy` in addition to `commitment`: the entropy of a latent's
    soft assignment to the codes, averaged over latents, minus the entropy of the mean assignment.
    It is a scalar in nats over the global batch, and least if each latent is certain of its code
    and all codes are used equally.

    Args:
        input_dim: Channels of the latents.
        num_bits: Dimensions; the number of codes is 2**num_bits.
        start_after: Optimizer steps during which latents pass unquantized.
        normalize: Whether to standardize the latents, see `Projection`.
        temperature: Temperature of the soft assignment, softmax(-|z - e|^2 / temperature).
    """

    def __init__(
        self,
        input_dim: int,
        num_bits: NumBits = 9,
        start_after: NonNegative = 0,
        normalize: bool = False,
        temperature: PositiveNumber = 1.0,
    ) -> None:
        super().__init__(input_dim, num_bits, 2**num_bits, start_after, normalize)
        self.temperature = temperature
        import vector_quantize_pytorch  # slow, and of no use to other bottlenecks

        self.corners = vector_quantize_pytorch.LFQ(
            dim=num_bits,
            codebook_size=2**num_bits,
            straight_through_activation=nn.Identity(),  # the default object is shared by instances
        )

    def quantize(self, z: Tensor) -> Tensor:
        # The library's forward would also compute an entropy in training mode, but with several
        # processes not that of the global batch: it drops the all-reduced result.
        return ((z.transpose(1, 2) > 0) * self.corners.mask).sum(dim=-1)

    def decode(self, codes: Tensor) -> Tensor:
        return self.corners.indices_to_codes(codes).transpose(1, 2)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        """Returns `commitment` `(B, N)` and, in training, the scalar `entropy`."""
        losses = super().losses(z, chosen, step)
        if step is not None:
            losses["entropy"] = self.entropy_loss(z)
        return losses

    def entropy_loss(self, z: Tensor) -> Tensor:
        """Computes the entropy loss of projected latents.

        Args:
            z: Projected latents `(B, D, N)`.

        Returns:
            Scalar in [-log K, 0] nats, K being the number of codes.
        """
        # All corners have the same length: -|z - e|^2 is 2 z.e plus a term that all share.
        similarity = 2 * flatten_time(z) @ self.corners.codebook.t()  # (B * N, K)
        shares = (similarity / self.temperature).softmax(dim=1)
        mean_entropy = _global_mean(entropy(shares).mean())
        return mean_entropy - entropy(_global_mean(shares.mean(dim=0)))


def _global_mean(tensor: Tensor) -> Tensor:
    return all_reduce_sum_with_gradient(tensor) / world_size()


def entropy(shares: Tensor) -> Tensor:
    """Returns the entropy in nats of distributions `(..., K)`, as `(...)`."""
    # At a share of 0 the gradient of the entropy is infinite. The bound is far below any 1/K.
    return torch.special.entr(shares.clamp_min(torch.finfo(shares.dtype).tiny)).sum(dim=-1)
