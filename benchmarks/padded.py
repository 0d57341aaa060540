"""The ordinary WaveNet, to compare with: padded, unfused, everything computed everywhere."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.decoders import WaveNet
from wavenet_ae.decoders.wavenet import DilatedLayer


class PaddedLayer(nn.Module):
    """A convolution each for filter, gate, skip and residual; channels before time."""

    def __init__(self, layer: DilatedLayer, skip: Tensor) -> None:
        super().__init__()
        kernel, rows, residual = layer.taps.shape
        gate, conditioning = rows // 2, layer.conditioning.in_features
        self.padding = (kernel - 1) * layer.dilation
        self.causal = _pair(residual, gate, kernel_size=kernel, dilation=layer.dilation)
        self.conditioning = _pair(conditioning, gate, bias=True)
        self.speaker = _pair(layer.speaker.in_features, gate)
        self.skip = nn.Conv1d(gate, len(skip), 1, bias=False)
        self.residual = None if layer.residual is None else nn.Conv1d(gate, residual, 1, bias=False)
        self._copy(layer, skip)

    @torch.no_grad()
    def _copy(self, layer: DilatedLayer, skip: Tensor) -> None:
        biases = layer.conditioning.bias.chunk(2)
        for half, bias in enumerate(biases):
            rows = slice(half * len(bias), (half + 1) * len(bias))  # filter, then gate
            self.causal[half].weight.copy_(layer.taps[:, rows].permute(1, 2, 0))
            self.conditioning[half].weight.copy_(layer.conditioning.weight[rows, :, None])
            self.conditioning[half].bias.copy_(bias)
            self.speaker[half].weight.copy_(layer.speaker.weight[rows, :, None])
        self.skip.weight.copy_(skip[..., None])
        if self.residual is not None and layer.residual is not None:
            self.residual.weight.copy_(layer.residual.weight[..., None])

    def forward(self, hidden: Tensor, conditioning: Tensor, speaker: Tensor) -> tuple[Tensor, ...]:
        padded = F.pad(hidden, (self.padding, 0))
        signal, gate = (
            causal(padded) + conditioned(conditioning) + embedded(speaker)
            for causal, conditioned, embedded in zip(
                self.causal, self.conditioning, self.speaker, strict=True
            )
        )
        gated = torch.tanh(signal) * torch.sigmoid(gate)
        if self.residual is not None:
            hidden = hidden + self.residual(gated)
        return hidden, self.skip(gated)


class PaddedWaveNet(nn.Module):
    """Called as the decoder from which it has its weights; gives the same logits.

    Zeros are put before the input of each layer, so that all outputs are as long as the input;
    those before the first scored one are computed and thrown away.
    """

    def __init__(self, decoder: WaveNet) -> None:
        super().__init__()
        self.receptive_field = decoder.chain.receptive_field
        self.first_output = decoder.chain.layers[0].input_length(1) - 1
        self.hop = decoder.conditioning_hop
        self.embedding = nn.Embedding.from_pretrained(decoder.input.weight.detach().clone(), False)
        self.speakers = nn.Embedding.from_pretrained(
            decoder.speakers.weight.detach().clone(), False
        )
        skips = decoder.skip.weight.detach().chunk(len(decoder.layers), dim=1)
        pairs = zip(decoder.layers, skips, strict=True)
        self.layers = nn.ModuleList(PaddedLayer(layer, skip) for layer, skip in pairs)
        self.skip_bias = nn.Parameter(decoder.skip.bias.detach().clone())
        self.post, self.head = _convolution(decoder.post), _convolution(decoder.head)

    def forward(self, samples: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Levels (B, R + W - 1) int64, conditioning (B, C, M), speaker (B,) -> (B, Q, W)."""
        length = samples.shape[1]
        held = conditioning.repeat_interleave(self.hop, dim=2)[..., : length - self.first_output]
        held = F.pad(held, (self.first_output, 0))  # (B, C, T)
        hidden = self.embedding(samples).transpose(1, 2)  # (B, R, T)
        vector = self.speakers(speaker)[..., None]  # (B, S, 1)
        skips = self.skip_bias[:, None]
        for layer in self.layers:
            hidden, skip = layer(hidden, held, vector)
            skips = skips + skip  # (B, skip, T)
        logits = self.head(F.relu(self.post(F.relu(skips))))
        return logits[..., self.receptive_field - 1 :]  # (B, Q, T) -> (B, Q, W)


def _pair(inputs: int, outputs: int, **settings: Any) -> nn.ModuleList:
    """A convolution for the filter and one for the gate."""
    settings = {"kernel_size": 1, "bias": False, **settings}
    return nn.ModuleList(nn.Conv1d(inputs, outputs, **settings) for _ in range(2))


def _convolution(linear: nn.Linear) -> nn.Conv1d:
    convolution = nn.Conv1d(linear.in_features, linear.out_features, 1)
    with torch.no_grad():
        convolution.weight.copy_(linear.weight[..., None])
        convolution.bias.copy_(linear.bias)  # type: ignore[union-attr]
    return convolution
