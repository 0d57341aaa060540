"""A convolutional decoder of frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wavenet_ae.decoders.base import OutputDistribution
from wavenet_ae.decoders.frames import EachValue, FrameDecoder
from wavenet_ae.schema import NonNegative, Width


class FrameConvolution(FrameDecoder):
    """Convolutions over conditioning vectors give the parameters of all values of a frame at once.

    The values of a frame are independent of each other, given the vectors.

    Args:
        conditioning_dim: Channels C of the conditioning.
        num_speakers: Rows of the speaker embedding.
        output: Distribution of a value.
        num_channels: Values of a frame.
        conditioning_hop: Frames for which one conditioning vector is held.
        hidden: Channels of the layers.
        kernels: Vectors that a filter reads, of each layer.
        offset: Frames from the last vector that may be read to the frame; 0: the frame is
            reconstructed from the vectors on both sides of it, see decoders/frames.py.

    Raises:
        ValueError: The target is no frame, there is no conditioning, or offset=0 and vectors on
            both sides are not as many.
    """

    def __init__(
        self,
        conditioning_dim: int,
        num_speakers: int,
        output: OutputDistribution,
        num_channels: int | None = None,
        conditioning_hop: int = 1,
        hidden: Width = 128,
        kernels: Sequence[Width] = (5, 3, 3),
        offset: NonNegative = 0,
    ) -> None:
        sizes = (conditioning_dim, num_speakers, num_channels, conditioning_hop)
        super().__init__("frame_conv", *sizes, hidden, tuple(kernels), offset)
        assert num_channels is not None
        self.layers = nn.ModuleList(nn.Conv1d(hidden, hidden, kernel) for kernel in kernels)
        self.output = EachValue(output, num_channels)
        self.head = nn.Linear(hidden, self.output.num_parameters)
        self.output.initialize(self.head)

    def parameters_of(self, vectors: Tensor) -> Tensor:
        hidden = vectors
        for layer in self.layers:
            hidden = layer(torch.relu(hidden))
        predicted = torch.relu(hidden).transpose(1, 2)  # (B, W, H)
        return self.output.head(self.head, predicted).transpose(1, 2)
