"""Layer normalization of each position of a sequence."""

from __future__ import annotations

from torch import Tensor, nn


class LayerNorm(nn.LayerNorm):
    """`torch.nn.LayerNorm` over the channels of `(B, C, N)`, for each position by itself.

    No position reads another one, so a slice of a sequence gives the numbers of the whole, in
    training as in evaluation (Ba et al. 2016, arXiv 1607.06450).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalizes the channels of `(B, C, N)`."""
        return super().forward(input.transpose(1, 2)).transpose(1, 2)
