"""A convolutional decoder of frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from wavenet_ae.decoders.base import OutputDistribution, Sampling
from wavenet_ae.decoders.frames import FrameDecoder
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
        self.output = _EachValue(output, num_channels)
        self.head = nn.Linear(hidden, self.output.num_parameters)
        self.output.initialize(self.head)

    def parameters_of(self, vectors: Tensor) -> Tensor:
        hidden = vectors
        for layer in self.layers:
            hidden = layer(torch.relu(hidden))
        predicted = torch.relu(hidden).transpose(1, 2)  # (B, W, H)
        return self.output.head(self.head, predicted).transpose(1, 2)


class _EachValue(OutputDistribution):
    """Distributions of the values of a frame, each by its own parameters.

    Args:
        output: Distribution of a value.
        num_channels: Values C of a frame.
    """

    def __init__(self, output: OutputDistribution, num_channels: int) -> None:
        super().__init__()
        self.output, self.num_channels = output, num_channels
        self.num_parameters = output.num_parameters * num_channels
        self.needs_float32 = output.needs_float32

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log p of frames (B, W, C) in nats, (B, W), given parameters (B, C * P, W)."""
        own = self._by_value(parameters).permute(0, 2, 1, 3).flatten(2)  # (B, P, C * W)
        nll = self.output.nll(own, targets.transpose(1, 2).flatten(1))  # (B, C * W)
        return nll.unflatten(1, (self.num_channels, -1)).sum(dim=1)

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns frames (B, C), by uniforms (B, C), given parameters (B, C * P)."""
        own = self._by_value(parameters).flatten(0, 1)  # (B * C, P)
        return self.output.sample(own, uniforms.flatten(), sampling).view(uniforms.shape)

    def initialize(self, head: nn.Linear) -> None:
        for part in _parts(head, self.num_channels):
            self.output.initialize(part)

    def require_sampling(self, sampling: Sampling) -> None:
        self.output.require_sampling(sampling)

    def _by_value(self, parameters: Tensor) -> Tensor:
        """Returns parameters (B, C, P, ...)."""
        return parameters.unflatten(1, (self.num_channels, -1))


def _parts(head: nn.Linear, num_parts: int) -> Iterator[nn.Linear]:
    """Yields a layer that has the memory of some rows of another, the first of them, then the next.

    It is one layer: each new one would count as more weights to whoever counts a model's weights.
    """
    part = skip_init(nn.Linear, head.in_features, head.out_features // num_parts)
    for weight, bias in zip(head.weight.chunk(num_parts), head.bias.chunk(num_parts), strict=True):
        part.weight.data, part.bias.data = weight.detach(), bias.detach()
        yield part
