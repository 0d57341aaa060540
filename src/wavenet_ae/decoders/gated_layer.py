"""The dilated layers of a WaveNet as a single differentiable operation.

At a few dozen channels the layers are bound by memory traffic, not by arithmetic.  Automatic
differentiation of their parts makes a padded copy for every shifted view and an extra pass for
every sum.  Here all layers add in place: to one sum of skips and, on the way back, to one gradient
of the residual stream and one of the conditioning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

aten = torch.ops.aten


class Weights(NamedTuple):
    """Weights of one layer, or their gradients.

    Attributes:
        taps: Taps (k, 2G, R), filter above gate, oldest sample first.
        conditioning: Projection (2G, C) of the conditioning.
        offset: Bias and speaker (B, 2G).
        skip: Projection (S, G) to the sum of the layers.
        residual: Projection (R, G) to the residual stream; None in the last layer.
    """

    taps: Tensor
    conditioning: Tensor
    offset: Tensor
    skip: Tensor
    residual: Tensor | None


class LayerSpan(NamedTuple):
    """Positions of a layer's outputs, counted from the first output of the first layer.

    Conditioning frame `m` is held for the outputs `m * hop .. (m + 1) * hop - 1`.

    Attributes:
        dilation: Distance of the layer's taps.
        hop: Outputs for which a conditioning frame is held.
        first: Position of the first output.
        length: Number of outputs.
    """

    dilation: int
    hop: int
    first: int
    length: int

    def samples(self, tap: int) -> slice:
        """Returns the layer's inputs that a tap reads."""
        return slice(tap * self.dilation, tap * self.dilation + self.length)

    @property
    def frames(self) -> slice:
        return slice(self.first // self.hop, -(-(self.first + self.length) // self.hop))


def layer_spans(
    dilations: Sequence[int], kernel: int, hop: int, length: int
) -> Iterator[LayerSpan]:
    """Yields the span of each layer over `length` samples."""
    first = -(kernel - 1) * dilations[0]
    for dilation in dilations:
        first += (kernel - 1) * dilation
        length -= (kernel - 1) * dilation
        yield LayerSpan(dilation, hop, first, length)


def gated_layers(
    hidden: Tensor,
    frames: Tensor,
    skip_bias: Tensor,
    layers: Sequence[Weights],
    dilations: Sequence[int],
    hop: int,
) -> Tensor:
    """Computes the gated layers of arXiv 1609.03499, eq. 5, with residual and skip; time-major, no
    padding.

    Hidden (T, B, R), conditioning frames (M, B, C) and the skips' bias (S,) -> the sum of all
    skips (T - sum of (k-1) d, B, S), of the positions at which the last layer has an output.
    """
    where = tuple(layer_spans(dilations, len(layers[0].taps), hop, len(hidden)))
    weights = (weight for layer in layers for weight in layer)
    return GatedLayers.apply(where, torch.is_grad_enabled(), hidden, frames, skip_bias, *weights)


class GatedLayers(torch.autograd.Function):
    """See `gated_layers`; `keep` says whether a backward pass may follow."""

    @staticmethod
    def forward(
        ctx: Any,
        spans: tuple[LayerSpan, ...],
        keep: bool,
        hidden: Tensor,
        frames: Tensor,
        skip_bias: Tensor,
        *weights: Tensor | None,
    ) -> Tensor:
        num_scored, kept = spans[-1].length, []
        skips = skip_bias.expand(num_scored, hidden.shape[1], -1).contiguous()  # (W, B, S)
        for layer, span in zip(_layers(weights), spans, strict=True):
            both = gates(layer, span, hidden, frames)  # (T', B, 2G)
            signal, gate = both.chunk(2, dim=-1)
            gated = signal * gate  # (T', B, G)
            _rows(skips).addmm_(_rows(gated[-num_scored:]), layer.skip.t())
            if keep:
                kept += [hidden, both, gated]
            if layer.residual is not None:
                stream = hidden[-span.length :]
                hidden = torch.addmm(_rows(stream), _rows(gated), layer.residual.t())
                hidden = hidden.view_as(stream)  # (T', B, R)
        ctx.spans = spans
        ctx.save_for_backward(frames, *weights, *kept)
        return skips

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_skips: Tensor) -> tuple[Tensor | None, ...]:
        frames, *saved = ctx.saved_tensors
        num_weights = len(Weights._fields) * len(ctx.spans)
        layers, kept = _layers(saved[:num_weights]), saved[num_weights:]
        d_skips = d_skips.contiguous()
        # In its last rows: the gradient of a layer's output, and then of its input.
        d_hidden, d_frames = torch.zeros_like(kept[0]), torch.zeros_like(frames)
        space = torch.empty_like(
            kept[1]
        )  # for all layers: new memory costs more than what it holds
        d_layers: list[Tensor | None] = []
        for layer, span in zip(reversed(layers), reversed(ctx.spans), strict=True):
            *kept, hidden, both, gated = kept
            d_output = d_hidden[-span.length :]
            d_gated, d_skip, d_residual = _outputs_gradient(layer, gated, d_output, d_skips)
            d_gates = _gates_gradient(both, d_gated, out=space[: span.length])
            d_taps = _add_samples_gradient(d_hidden[-len(hidden) :], layer, span, d_gates, hidden)
            d_conditioning, d_offset = _add_frames_gradient(d_frames, layer, span, d_gates, frames)
            d_layers = [d_taps, d_conditioning, d_offset, d_skip, d_residual, *d_layers]
        return None, None, d_hidden, d_frames, d_skips.sum(dim=(0, 1)), *d_layers


def _layers(weights: Sequence[Any]) -> list[Weights]:
    size = len(Weights._fields)
    return [Weights(*weights[i : i + size]) for i in range(0, len(weights), size)]


def _rows(sequence: Tensor) -> Tensor:
    length, batch, channels = sequence.shape
    return sequence.view(length * batch, channels)  # never a copy: some are written to


def gates(layer: Weights, span: LayerSpan, hidden: Tensor, frames: Tensor) -> Tensor:
    """Returns [tanh(filter), sigmoid(gate)], (T', B, 2G).

    tanh(a) = 2 sigmoid(2a) - 1: torch's sigmoid is several times faster than its tanh.
    """
    frames = frames[span.frames]
    both = _filter_doubled(layer.offset, dim=1).expand(len(frames), -1, -1).contiguous()
    _rows(both).addmm_(_rows(frames), _filter_doubled(layer.conditioning, dim=0).t())
    both = repeat_frames(both, span.hop, span.first % span.hop, span.length)
    for tap, weight in enumerate(_filter_doubled(layer.taps, dim=1)):
        _rows(both).addmm_(_rows(hidden[span.samples(tap)]), weight.t())
    both.sigmoid_()
    signal, _ = both.chunk(2, dim=-1)
    signal.mul_(2).sub_(1)
    return both


def _filter_doubled(weight: Tensor, dim: int) -> Tensor:
    signal, gate = weight.chunk(2, dim)
    return torch.cat([2 * signal, gate], dim)


def _outputs_gradient(
    layer: Weights, gated: Tensor, d_output: Tensor, d_skips: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Returns the gradients of gated (T', B, G) and of the weights of skip and residual."""
    num_scored = len(d_skips)
    if layer.residual is None:
        d_gated, d_residual = torch.zeros_like(gated), None
    else:
        d_gated = (_rows(d_output) @ layer.residual).view_as(gated)
        d_residual = _rows(d_output).t() @ _rows(gated)
    _rows(d_gated[-num_scored:]).addmm_(_rows(d_skips), layer.skip)
    d_skip = _rows(d_skips).t() @ _rows(gated[-num_scored:])
    return d_gated, d_skip, d_residual


def _gates_gradient(gates: Tensor, d_gated: Tensor, out: Tensor) -> Tensor:
    """Returns the gradient before tanh and sigmoid, through the product of signal and gate: (T', B,
    2G).
    """
    signal, gate = gates.chunk(2, dim=-1)
    d_signal, d_gate = out.chunk(2, dim=-1)
    aten.tanh_backward(d_gated * gate, signal, grad_input=d_signal)
    aten.sigmoid_backward(d_gated * signal, gate, grad_input=d_gate)
    return out


def _add_samples_gradient(
    d_hidden: Tensor, layer: Weights, span: LayerSpan, d_gates: Tensor, hidden: Tensor
) -> Tensor:
    """Adds to the gradient of the layer's input; returns that of the taps."""
    d_taps = torch.empty_like(layer.taps)
    for tap, weight in enumerate(layer.taps):
        read = span.samples(tap)
        torch.mm(_rows(d_gates).t(), _rows(hidden[read]), out=d_taps[tap])
        _rows(d_hidden[read]).addmm_(_rows(d_gates), weight)
    return d_taps


def _add_frames_gradient(
    d_frames: Tensor, layer: Weights, span: LayerSpan, d_gates: Tensor, frames: Tensor
) -> tuple[Tensor, Tensor]:
    """Adds to the gradient of the frames; returns those of their weights and of the offset."""
    frames, d_frames = frames[span.frames], d_frames[span.frames]
    d_held = repeat_frames_gradient(
        d_gates, len(frames), span.hop, span.first % span.hop
    )  # (m, B, 2G)
    _rows(d_frames).addmm_(_rows(d_held), layer.conditioning)
    return _rows(d_held).t() @ _rows(frames), d_held.sum(dim=0)


def repeat_frames(frames: Tensor, hop: int, first: int, length: int) -> Tensor:
    """Repeats each of the frames (M, B, C) for `hop` positions, from position `first` on:
    (length, B, C), a view where `hop` is 1."""
    held = frames[first // hop :].unsqueeze(1).expand(-1, hop, -1, -1)
    return held.flatten(0, 1)[first % hop :][:length].contiguous()


def repeat_frames_gradient(gradient: Tensor, num_frames: int, hop: int, first: int) -> Tensor:
    """Returns the sums of a gradient (length, B, C) over the positions of each frame."""
    length, batch, channels = gradient.shape
    if hop == 1 and num_frames == length:
        return gradient
    summed = gradient.new_zeros(num_frames, batch, channels)
    frame, head = first // hop, min(-first % hop, length)
    if head:  # what is left of the first frame's positions
        summed[frame] = gradient[:head].sum(dim=0)
        frame += 1
    num_whole = (length - head) // hop
    whole = gradient[head : head + num_whole * hop].view(num_whole, hop, batch, channels)
    summed[frame : frame + num_whole] = whole.sum(dim=1)
    if head + num_whole * hop < length:
        summed[frame + num_whole] = gradient[head + num_whole * hop :].sum(dim=0)
    return summed
