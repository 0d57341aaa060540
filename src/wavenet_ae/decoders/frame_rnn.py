"""A decoder of frames that runs over frequency, from low to high.

    conditioning of frame t ---> h0 -> h1 -> h2 -> ... -> hC         each value given those below it
                                  ^     ^     ^
                                  |     x1    x2

It has of MelNet (Vasquez & Lewis 2019, arXiv 1906.01083) the factorization over frequency; time is
the encoder's matter.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavenet_ae.decoders.base import OutputDistribution, Sampling
from wavenet_ae.decoders.frames import FrameDecoder
from wavenet_ae.decoders.gaussians import level_values
from wavenet_ae.schema import NonNegative, Width


class FrameRNN(FrameDecoder):
    """The conditioning of a frame starts a gated recurrent unit over the frame's values.

    Args:
        conditioning_dim: Channels C of the conditioning.
        num_speakers: Rows of the speaker embedding.
        output: Distribution of a value.
        num_channels: Values of a frame.
        conditioning_hop: Frames for which one conditioning vector is held.
        levels: Levels of a discrete target; None where values are real numbers.
        hidden: Channels H of the state.
        offset: Frames from the vector that is read to the frame; 0: the frame is reconstructed.

    Raises:
        ValueError: The target is no frame, or there is no conditioning.
    """

    def __init__(
        self,
        conditioning_dim: int,
        num_speakers: int,
        output: OutputDistribution,
        num_channels: int | None = None,
        conditioning_hop: int = 1,
        levels: int | None = None,
        hidden: Width = 128,
        offset: NonNegative = 0,
    ) -> None:
        sizes = (conditioning_dim, num_speakers, num_channels, conditioning_hop)
        super().__init__("frame_rnn", *sizes, hidden, (), offset)
        assert num_channels is not None
        self.output = _FrequencyRNN(output, num_channels, hidden, levels)

    def parameters_of(self, vectors: Tensor) -> Tensor:
        return torch.tanh(vectors)  # as a state of a gated recurrent unit is


class _FrequencyRNN(OutputDistribution):
    """A distribution of frames in which each value depends on all values below it.

    Its parameters (B, H, W) are the state before the lowest value.

    Args:
        output: Distribution of a value.
        num_channels: Values C of a frame.
        hidden: Channels H of the state.
        levels: Levels of a value; None where values are real numbers.
    """

    def __init__(
        self, output: OutputDistribution, num_channels: int, hidden: int, levels: int | None
    ) -> None:
        super().__init__()
        self.output, self.levels, self.num_channels = output, levels, num_channels
        self.num_parameters = hidden
        self.value = nn.Parameter(torch.randn(hidden))
        self.channel = nn.Parameter(torch.randn(num_channels, hidden))
        self.recurrent = nn.GRU(hidden, hidden)
        self.last = nn.Linear(hidden, output.num_parameters)
        output.initialize(self.last)

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log p of frames (B, W, C) in nats, (B, W), given states (B, H, W)."""
        batch, _, width = parameters.shape
        frames = targets.flatten(0, 1)  # (B * W, C)
        below = torch.cat([torch.zeros_like(frames[:, :1]), frames[:, :-1]], dim=1)
        inputs = self._inputs(below.t(), self.channel[:, None])  # (C, B * W, H)
        inputs[0] = self.channel[0]  # there is no value below the lowest
        state = parameters.transpose(1, 2).flatten(0, 1)  # (B * W, H)
        hidden, _ = self.recurrent(inputs, state[None].to(inputs.dtype).contiguous())
        own = self.output.head(self.last, hidden).permute(1, 2, 0)  # (B * W, P, C)
        return self.output.nll(own, frames).sum(dim=1).view(batch, width)

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns frames (B, C), value by value, by uniforms (B, C), given states (B, H)."""
        state, values = parameters[None].contiguous(), []
        inputs = self.channel[0].expand_as(parameters)
        for channel in range(self.num_channels):
            hidden, state = self.recurrent(inputs[None], state)
            own = self.output.head(self.last, hidden[0])  # (B, P)
            values.append(self.output.sample(own, uniforms[:, channel], sampling))
            if channel + 1 < self.num_channels:
                inputs = self._inputs(values[-1], self.channel[channel + 1])
        return torch.stack(values, dim=1)

    def require_sampling(self, sampling: Sampling) -> None:
        self.output.require_sampling(sampling)

    def _inputs(self, values: Tensor, channels: Tensor) -> Tensor:
        """Returns what the unit reads (..., H): values (...) below, and which channel is next."""
        numbers = values if self.levels is None else level_values(values, self.levels)
        return numbers[..., None].to(self.value.dtype) * self.value + channels
