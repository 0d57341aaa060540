"""WaveNet without padding (van den Oord et al. 2016, arXiv 1609.03499).

Time-major inside, (T, B, C): a dilated convolution is then a sum of matrix products over shifted
views, each of them one contiguous block of rows, which is what makes it fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.decoders.base import Categorical, Decoder, OutputDistribution, target_input
from wavenet_ae.decoders.gated_layer import Weights, gated_layers, gates, layer_spans
from wavenet_ae.geometry import Chain, causal_chain
from wavenet_ae.schema import AtLeast, AtMost, Width


@dataclass(frozen=True)
class WaveNetState:
    """State of B streams; `WaveNet.step` changes it in place.

    Attributes:
        rings: For each layer ((k - 1) d, B, R), its inputs at as many positions before this one;
            the input of position `p` lies in row `p mod (k - 1) d`.
        position: Number (1,) int64 of samples that have been stepped over.
    """

    rings: tuple[Tensor, ...]
    position: Tensor


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
        # Registered before it is filled, so that its size can be refused at no cost.
        self.taps = nn.Parameter(torch.empty(kernel, 2 * gate, residual))
        with torch.no_grad():
            self.taps.normal_().div_((kernel * residual) ** 0.5)
        self.conditioning = nn.Linear(conditioning_dim, 2 * gate)
        self.speaker = nn.Linear(speaker_dim, 2 * gate, bias=False)
        # Without a bias: those of the layers above already say all that it could.
        self.residual = nn.Linear(gate, residual, bias=False) if has_residual else None

    def weights(self, speaker: Tensor, skip: Tensor, dtype: torch.dtype) -> Weights:
        """Returns the layer's weights for speaker vectors (B, S), each cast once a step."""
        offset = self.conditioning.bias + self.speaker(speaker)  # (B, 2G)
        return Weights(
            taps=self.taps.to(dtype),
            conditioning=self.conditioning.weight.to(dtype),
            offset=offset.to(dtype),
            skip=skip,
            residual=None if self.residual is None else self.residual.weight.to(dtype),
        )

    def project(self, frames: Tensor, speaker: Tensor) -> Tensor:
        """Returns what frames (M, B, C) and speaker vectors (B, S) add to filter and gate: (M, B,
        2G).
        """
        return self.conditioning(frames) + self.speaker(speaker)

    def step(self, hidden: Tensor, ring: Tensor, gates: Tensor, rows: Tensor) -> Tensor:
        """Returns gated (B, G) of a position's input (B, R) and projected conditioning (B, 2G).

        `rows` (k - 1,) of the ring hold the inputs of the earlier taps, oldest first; the oldest
        makes room for this position's.
        """
        past = ring.index_select(0, rows)  # (k - 1, B, R)
        ring.index_copy_(0, rows[:1], hidden.expand(len(rows[:1]), -1, -1))
        for inputs, weight in zip((*past, hidden), self.taps, strict=True):
            gates = torch.addmm(gates, inputs, weight.t())
        signal, gate = gates.chunk(2, dim=1)
        return torch.tanh(signal) * torch.sigmoid(gate)


class WaveNet(Decoder):
    """Gated dilated convolutions over past targets (van den Oord et al. 2016, arXiv 1609.03499).

    Args:
        conditioning_dim: Channels C of the conditioning.
        num_speakers: Rows of the speaker embedding.
        conditioning_hop: Positions for which one conditioning vector is held.
        levels: Levels of a discrete target, None where targets are amplitudes.
        num_blocks: Repetitions of the dilations 1, 2, 4, ...
        layers_per_block: Dilations of a block.
        kernel: Taps of each dilated convolution.
        residual: Channels of the residual stream.
        gate: Channels of filter and of gate, each.
        skip: Channels of the sum of the layers.
        post: Channels between that sum and the output.
        speaker_dim: Channels of a speaker's embedding.
        output: Distribution that is predicted; None: categorical over the levels.
    """

    tap_rows: Tensor
    ring_lengths: Tensor

    def __init__(
        self,
        conditioning_dim: int,
        num_speakers: int,
        conditioning_hop: int = 1,
        num_blocks: Annotated[int, AtLeast(1), AtMost(1000)] = 2,
        layers_per_block: Annotated[int, AtLeast(1), AtMost(31)] = 10,
        kernel: Width = 2,
        residual: Width = 368,
        gate: Width = 256,
        skip: Width = 256,
        post: Width = 256,
        speaker_dim: Width = 64,
        levels: int | None = 256,
        output: OutputDistribution | None = None,
    ) -> None:
        super().__init__()
        self.output = Categorical(levels) if output is None else output
        self.dilations = [2**layer for layer in range(layers_per_block)] * num_blocks
        self.chain: Chain = causal_chain(self.dilations, kernel)
        self.conditioning_hop = conditioning_hop
        self.input = target_input(levels, residual)
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
        # of a layer's ring: which row each earlier tap reads, counted from the present position's
        taps = torch.arange(kernel - 1) * torch.tensor(self.dilations)[:, None]  # (L, k - 1)
        lengths = (kernel - 1) * torch.tensor(self.dilations)[:, None]  # (L, 1)
        self.register_buffer("tap_rows", taps, persistent=False)
        self.register_buffer("ring_lengths", lengths.clamp_min(1), persistent=False)
        self.skip = nn.Linear(gate * len(self.dilations), skip)
        self.post = nn.Linear(skip, post)
        self.head = nn.Linear(post, self.output.num_parameters)
        self.output.initialize(self.head)

    def forward(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        hidden = self.input(past.t())  # (T, B, R)
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
        parameters = self.output.head(self.head, F.relu(self.post(F.relu(skips))))
        return parameters.permute(1, 2, 0)  # (W, B, P) -> (B, P, W)

    def project(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns what conditioning (B, C, M) and speakers (B,) add to each layer: (M, L, B, 2G).

        At the reference size that is 41 KB a vector and stream: pass it in chunks.
        """
        frames = conditioning.permute(2, 0, 1)  # (M, B, C)
        vectors = self.speakers(speaker)  # (B, S)
        return torch.stack([layer.project(frames, vectors) for layer in self._layers()], dim=1)

    def prime(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> WaveNetState:
        hidden = self.input(past.t())  # (T, B, R)
        frames = conditioning.permute(2, 0, 1).contiguous()  # (M, B, C)
        weights = self.layer_weights(self.speakers(speaker), hidden.dtype)
        rings = []
        kernel = len(weights[0].taps)
        layers = layer_spans(self.dilations, kernel, self.conditioning_hop, len(hidden))
        for layer, span in zip(weights, layers, strict=True):
            length = (kernel - 1) * span.dilation
            rings.append(hidden[len(hidden) - length :].clone())
            if layer.residual is not None and span.length:
                signal, gate = gates(layer, span, hidden, frames).chunk(2, dim=-1)
                hidden = hidden[-span.length :] + (signal * gate) @ layer.residual.t()
        return WaveNetState(tuple(rings), torch.zeros(1, dtype=torch.int64, device=hidden.device))

    def step(
        self, newest: Tensor, conditioning: Tensor, state: WaveNetState
    ) -> tuple[Tensor, WaveNetState]:
        """Returns parameters (B, P) of the next target and the given state, changed in place."""
        hidden = self.input(newest)  # (B, R)
        rows = (state.position + self.tap_rows) % self.ring_lengths  # (L, k - 1)
        gated = []
        for layer, ring, held, read in zip(
            self._layers(), state.rings, conditioning, rows, strict=True
        ):
            gated.append(layer.step(hidden, ring, held, read))
            if layer.residual is not None:
                hidden = hidden + layer.residual(gated[-1])
        state.position.add_(1)
        skips = self.skip(torch.cat(gated, dim=1))  # (B, L * G) -> (B, skip)
        return self.output.head(self.head, F.relu(self.post(F.relu(skips)))), state

    def _layers(self) -> list[DilatedLayer]:
        return list(self.layers)  # type: ignore[arg-type]

    def layer_weights(self, speaker: Tensor, dtype: torch.dtype) -> list[Weights]:
        """Returns the weights of all layers for a batch of speaker vectors (B, S)."""
        skips = self.skip.weight.to(dtype).chunk(len(self.layers), dim=1)  # (skip, G) each
        weights = []
        for layer, skip in zip(self._layers(), skips, strict=True):
            weights.append(layer.weights(speaker, skip, dtype))
        return weights


def _compute_dtype(tensor: Tensor) -> torch.dtype:
    """Returns the type of autocast: a residual stream of float32 would be cast in each layer."""
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype
