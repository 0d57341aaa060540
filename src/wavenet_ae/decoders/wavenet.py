"""WaveNet without padding (van den Oord et al. 2016, arXiv 1609.03499).

Time-major inside, (T, B, C): a dilated convolution is then a sum of matrix products over shifted
views, each of them one contiguous block of rows, which is what makes it fast.
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.bounds import AtLeast, Positive
from wavenet_ae.decoders.gated_layer import Weights, gated_layers
from wavenet_ae.geometry import Chain, causal_chain


class DilatedLayer(nn.Module):
    """Weights of a gated dilated convolution with conditioning and speaker; see gated_layer.py.

    Filter and gate are one product, their rows stacked.  The last layer has no residual.
    """

    def __init__(
        self,
        residual: int,
        gate: int,
        conditioning_dim: int,
        speaker_dim: int,
        kernel: int,
        dilation: int,
        has_residual: bool,
    ) -> None:
        super().__init__()
        self.dilation = dilation
        self.taps = nn.Parameter(
            torch.randn(kernel, 2 * gate, residual) / (kernel * residual) ** 0.5
        )
        self.conditioning = nn.Linear(conditioning_dim, 2 * gate)
        self.speaker = nn.Linear(speaker_dim, 2 * gate, bias=False)
        # Without a bias: those of the layers above already say all that it could.
        self.residual = nn.Linear(gate, residual, bias=False) if has_residual else None

    def weights(self, speaker: Tensor, skip: Tensor, dtype: torch.dtype) -> Weights:
        """The layer's weights for a batch of speaker vectors (B, S), each cast once a step."""
        offset = self.conditioning.bias + self.speaker(speaker)  # (B, 2G)
        return Weights(
            taps=self.taps.to(dtype),
            conditioning=self.conditioning.weight.to(dtype),
            offset=offset.to(dtype),
            skip=skip,
            residual=None if self.residual is None else self.residual.weight.to(dtype),
        )


class WaveNet(nn.Module):
    """Logits of each sample given the samples before it, conditioning and speaker.

    conditioning_hop  positions for which one conditioning vector is held; 1: at sample rate
    residual, gate, skip, post   channels; the gate's are those of filter and of gate, each
    levels            of the mu-law companded waveform
    """

    def __init__(
        self,
        conditioning_dim: int,
        num_speakers: int,
        conditioning_hop: int = 1,
        num_blocks: Positive = 2,
        layers_per_block: Positive = 10,
        kernel: Positive = 2,
        residual: Positive = 368,
        gate: Positive = 256,
        skip: Positive = 256,
        post: Positive = 256,
        speaker_dim: Positive = 64,
        levels: Annotated[int, AtLeast(2)] = 256,
    ) -> None:
        super().__init__()
        self.dilations = [2**layer for layer in range(layers_per_block)] * num_blocks
        self.chain: Chain = causal_chain(self.dilations, kernel)
        self.conditioning_hop = conditioning_hop
        self.embedding = nn.Parameter(_ramp_embedding(levels, residual))
        self.speakers = nn.Embedding(num_speakers, speaker_dim)
        nn.init.normal_(self.speakers.weight, std=0.3)
        self.layers = nn.ModuleList(
            DilatedLayer(
                residual=residual,
                gate=gate,
                conditioning_dim=conditioning_dim,
                speaker_dim=speaker_dim,
                kernel=kernel,
                dilation=dilation,
                has_residual=depth < len(self.dilations),
            )
            for depth, dilation in enumerate(self.dilations, start=1)
        )
        self.skip = nn.Linear(gate * len(self.dilations), skip)
        self.post = nn.Linear(skip, post)
        self.logits = nn.Linear(post, levels)

    def forward(self, samples: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Levels (B, R + W - 1) int64, conditioning (B, C, M), speaker (B,) -> (B, Q, W).

        Prediction `w` is of the sample that follows `samples[:, R - 1 + w]`.  Vector `m` of the
        conditioning is held for positions `m * hop ..` of the first layer's outputs.
        """
        hidden = F.embedding(samples.t(), self.embedding)  # (T, B, R)
        dtype = _compute_dtype(hidden)
        frames = conditioning.to(dtype).permute(2, 0, 1).contiguous()  # (M, B, C)
        skips = gated_layers(
            hidden.to(dtype),
            frames,
            self.skip.bias.to(dtype),
            self.layer_weights(self.speakers(speaker), dtype),
            self.dilations,
            self.conditioning_hop,
        )  # (W, B, skip)
        logits = self.logits(F.relu(self.post(F.relu(skips))))
        return logits.permute(1, 2, 0)  # (W, B, Q) -> (B, Q, W)

    def layer_weights(self, speaker: Tensor, dtype: torch.dtype) -> list[Weights]:
        """Of all layers, for a batch of speaker vectors (B, S)."""
        skips = self.skip.weight.to(dtype).chunk(len(self.layers), dim=1)  # (skip, G) each
        weights = []
        for layer, skip in zip(self.layers, skips, strict=True):
            assert isinstance(layer, DilatedLayer)
            weights.append(layer.weights(speaker, skip, dtype))
        return weights


def _compute_dtype(tensor: Tensor) -> torch.dtype:
    """What autocast will compute in: a residual stream left in float32 would be cast per layer."""
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype


def _ramp_embedding(levels: int, dim: int) -> Tensor:
    """(levels, dim): neighbouring levels start alike, so that waveforms start as waveforms."""
    ramp = torch.linspace(-1, 1, levels)[:, None]
    bend = (ramp.abs() - 0.5) * 0.5
    noise = torch.randn(levels, dim) / (1000 * dim) ** 0.5
    return ramp * torch.randn(1, dim) + bend * torch.randn(1, dim) + noise
