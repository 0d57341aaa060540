"""Convolutions over frequency and time that are causal in time, after VQ-VAE-2.

Maps are (B, C, P, N): C channels, P bands of frequency, N instants. In frequency, layers are padded
with zeros, so that they keep the bands or halve them. In time nothing is padded: a layer computes
the outputs whose inputs all exist, each at the last instant that it reads, so that a window of a
recording has the maps of the whole.

    kernel 3 in time     instants   0  1  2  3  4  5
                         outputs          2  3  4  5
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.geometry import Chain, Down
from wavenet_ae.nn.causal import newest


def halve_bands(input_dim: int, dim: int, kernel: int = 1, stride: int = 1) -> nn.Conv2d:
    """Returns a convolution from (B, input_dim, P, N) to (B, dim, P / 2, M), for an even P.

    Args:
        input_dim: Channels of the input.
        dim: Channels of the output.
        kernel: Instants that an output reads.
        stride: Instants from one output to the next.
    """
    return nn.Conv2d(input_dim, dim, (4, kernel), (2, stride), padding=(1, 0))


def double_bands(input_dim: int, dim: int) -> nn.ConvTranspose2d:
    """Returns a transposed convolution from (B, input_dim, P, N) to (B, dim, 2 P, N)."""
    return nn.ConvTranspose2d(input_dim, dim, (4, 1), (2, 1), padding=(1, 0))


def keep_bands(
    input_dim: int, dim: int, num_bands: int, kernel: int = 1, stride: int = 1
) -> nn.Conv2d:
    """Returns a convolution from (B, input_dim, P, N) to (B, dim, P, M).

    An output reads its own band and the ones beside it, if there are any.
    """
    own = 1 if num_bands == 1 else 3
    return nn.Conv2d(input_dim, dim, (own, kernel), (1, stride), padding=(own // 2, 0))


class CausalBlock2d(nn.Module):
    """Residual block of two weight layers: `x[t] + W2 relu(W1 relu(x))[t]`.

    W1 reads neighboring bands and earlier instants, W2 has kernel 1, as in the blocks of VQ-VAE
    (van den Oord et al. 2017, sec. 4.1) and VQ-VAE-2 (Razavi et al. 2019, arXiv 1906.00446).

    Args:
        dim: Channels.
        num_bands: P.
        kernel: Instants that W1 reads.
    """

    def __init__(self, dim: int, num_bands: int, kernel: int) -> None:
        super().__init__()
        self.near = keep_bands(dim, dim, num_bands, kernel)
        self.mix = nn.Conv2d(dim, dim, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Returns (B, dim, P, N - kernel + 1) of (B, dim, P, N)."""
        hidden = self.near(F.relu(maps))
        return newest(maps, hidden.shape[-1]) + self.mix(F.relu(hidden))


class CausalStack2d(nn.Module):
    """Layers that halve the bands, then residual blocks: (B, input_dim, P, N) to (B, dim, P', M).

    Args:
        input_dim: Channels of the input.
        dim: Channels of all layers.
        num_bands: P, a multiple of 2 ** num_halvings.
        num_halvings: How often the bands are halved; 0: one layer keeps them.
        kernel: Instants that each layer reads.
        stride: Instants from one output to the next, of the first layer, at most the kernel.
        num_blocks: Residual blocks.

    Attributes:
        num_bands: Bands of the output, P' = P / 2 ** num_halvings.
        chain: Geometry in time.
    """

    def __init__(
        self,
        input_dim: int,
        dim: int,
        num_bands: int,
        num_halvings: int,
        kernel: int,
        stride: int,
        num_blocks: int,
    ) -> None:
        super().__init__()
        self.num_bands = num_bands >> num_halvings
        if num_halvings:
            first = halve_bands(input_dim, dim, kernel, stride)
        else:
            first = keep_bands(input_dim, dim, num_bands, kernel, stride)
        further = [halve_bands(dim, dim, kernel) for _ in range(num_halvings - 1)]
        self.convolutions = nn.ModuleList([first, *further])
        self.blocks = nn.ModuleList(
            CausalBlock2d(dim, self.num_bands, kernel) for _ in range(num_blocks)
        )
        names = ["bands", *("bands" for _ in further), *("block" for _ in self.blocks)]
        self.chain = Chain(
            tuple(
                Down(kernel, 1 if number else stride, anchor="last", name=f"{name} {number + 1}")
                for number, name in enumerate(names)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Returns maps (B, dim, P', M) of maps (B, input_dim, P, N)."""
        hidden = self.convolutions[0](maps)
        for convolution in self.convolutions[1:]:
            hidden = convolution(F.relu(hidden))
        for block in self.blocks:
            hidden = block(hidden)
        return F.relu(hidden)
