"""Lookup-free quantization (Yu et al. 2023, arXiv 2310.05737)."""

from __future__ import annotations

from typing import Annotated

import torch
import vector_quantize_pytorch
from torch import Tensor, nn

from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.distributed import all_reduce_sum_with_gradient, world_size
from wavenet_ae.schema import AtLeast, AtMost, NonNegative, PositiveNumber
from wavenet_ae.types import Step

NumBits = Annotated[int, AtLeast(1), AtMost(18)]  # the entropy term has 2**bits columns


class LFQ(Quantizer):
    """Each dimension becomes its sign: the codes are the 2**num_bits corners of a hypercube.

    Beside `commitment`, in training, the loss `entropy`: that of a latent's soft assignment to the
    codes, mean over latents, less that of the mean assignment, a scalar in nats of the global
    batch.  It is least where each latent is sure of its code and all codes are used equally.

    temperature  of the soft assignment, softmax(-|z - e|^2 / temperature)
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
        self.corners = vector_quantize_pytorch.LFQ(
            dim=num_bits,
            codebook_size=2**num_bits,
            straight_through_activation=nn.Identity(),  # the default is one for all instances
        )

    def quantize(self, z: Tensor) -> Tensor:
        # Not by the library's forward, which in training mode also computes an entropy; with
        # several processes it is not that of the global batch (what is all-reduced gets lost).
        return ((z.transpose(1, 2) > 0) * self.corners.mask).sum(dim=-1)

    def decode(self, codes: Tensor) -> Tensor:
        return self.corners.indices_to_codes(codes).transpose(1, 2)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        losses = super().losses(z, chosen, step)
        if step is not None:
            losses["entropy"] = self.entropy_loss(z)
        return losses

    def entropy_loss(self, z: Tensor) -> Tensor:
        """(B, D, N) -> scalar in [-log K, 0], where K is the number of codes."""
        # All corners are as long as each other: -|z - e|^2 is 2 z.e but for what all share.
        similarity = 2 * flatten_time(z) @ self.corners.codebook.t()  # (B * N, K)
        shares = (similarity / self.temperature).softmax(dim=1)
        of_each = _global_mean(entropy(shares).mean())
        return of_each - entropy(_global_mean(shares.mean(dim=0)))


def _global_mean(tensor: Tensor) -> Tensor:
    return all_reduce_sum_with_gradient(tensor) / world_size()


def entropy(shares: Tensor) -> Tensor:
    """Nats, of distributions: (..., K) -> (...)."""
    # At a share of 0 the entropy's own gradient is infinite.  The bound is far below 1/K of any K.
    return torch.special.entr(shares.clamp_min(torch.finfo(shares.dtype).tiny)).sum(dim=-1)
