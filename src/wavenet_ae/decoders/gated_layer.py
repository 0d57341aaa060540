"""One dilated layer of a WaveNet as a single differentiable operation.

At a few dozen channels a layer is bound by memory traffic, not by arithmetic: automatic
differentiation of its parts makes a padded copy for every shifted view and an extra pass for
every sum.  Here each sum is accumulated where it is needed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def _rows(sequence: Tensor) -> Tensor:
    return sequence.flatten(0, 1)  # (T, B, C) -> (T * B, C), a view of contiguous rows


def hold(frames: Tensor, hop: int, first: int, length: int) -> Tensor:
    """Each of the frames (M, B, C) held for `hop` positions, from position `first` on:
    (length, B, C)."""
    needed = frames[first // hop :]
    return needed.repeat_interleave(hop, dim=0)[first % hop :][:length].contiguous()


def hold_gradient(gradient: Tensor, num_frames: int, hop: int, first: int) -> Tensor:
    """The transpose of `hold`: sums of the gradient (length, B, C) over each frame's positions."""
    length, batch, channels = gradient.shape
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


class GatedLayer(torch.autograd.Function):
    """Eq. 5 of arXiv 1609.03499 with a residual, time-major.

    hidden    (T, B, R)
    taps      (k, 2G, R), filter above gate, oldest sample first
    frames    (M, B, 2G) conditioning, projected, bias included; held as in `hold`
    residual  (R, G), or None in the last layer
    Returns hidden (T - (k-1) d, B, R), None in the last layer, and the gated outputs of the last
    `num_scored` positions (num_scored, B, G).
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        taps: Tensor,
        frames: Tensor,
        residual: Tensor | None,
        dilation: int,
        hop: int,
        first: int,
        num_scored: int,
    ) -> tuple[Tensor | None, Tensor]:
        length = hidden.shape[0] - (taps.shape[0] - 1) * dilation
        gates = hold(frames, hop, first, length)  # (T', B, 2G)
        for tap, weight in enumerate(taps):
            start = tap * dilation
            _rows(gates).addmm_(_rows(hidden[start : start + length]), weight.t())
        gated = _activate_(gates)  # (T', B, G)
        ctx.save_for_backward(hidden, taps, gates, gated, residual)
        ctx.settings = (dilation, hop, first, num_scored, len(frames))
        scored = gated[-num_scored:]
        if residual is None:
            return None, scored
        output = torch.addmm(_rows(hidden[-length:]), _rows(gated), residual.t())
        return output.view(length, *hidden.shape[1:]), scored

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        d_output, d_scored = gradients
        hidden, taps, gates, gated, residual = ctx.saved_tensors
        dilation, hop, first, num_scored, num_frames = ctx.settings
        length = len(gated)
        d_residual = None
        if residual is None:
            d_gated = torch.zeros_like(gated)
        else:
            d_gated = (_rows(d_output) @ residual).view_as(gated)
            d_residual = _rows(d_output).t() @ _rows(gated)
        d_gated[-num_scored:] += d_scored
        d_gates = _gates_gradient(d_gated, gates)
        d_hidden = torch.zeros_like(hidden)
        if residual is not None:
            d_hidden[-length:] = d_output
        d_taps = torch.empty_like(taps)
        for tap, weight in enumerate(taps):
            start = tap * dilation
            _rows(d_hidden[start : start + length]).addmm_(_rows(d_gates), weight)
            read = _rows(hidden[start : start + length])
            torch.mm(_rows(d_gates).t(), read, out=d_taps[tap])
        d_frames = hold_gradient(d_gates, num_frames, hop, first)
        return d_hidden, d_taps, d_frames, d_residual, None, None, None, None


def _activate_(gates: Tensor) -> Tensor:
    """tanh(a) * sigmoid(b) of gates (.., 2G) = [a, b], left as [sigmoid(2a), sigmoid(b)].

    tanh(a) = 2 sigmoid(2a) - 1, and torch's sigmoid is several times faster than its tanh.
    """
    signal, gate = gates.chunk(2, dim=-1)
    signal.mul_(2)
    gates.sigmoid_()
    return torch.addcmul(-gate, signal, gate, value=2)


def _gates_gradient(d_gated: Tensor, gates: Tensor) -> Tensor:
    """Back through `_activate_`, of whose result tanh(a) is (gated / gate)."""
    signal, gate = gates.chunk(2, dim=-1)
    d_gates = torch.empty_like(gates)
    d_signal, d_gate = d_gates.chunk(2, dim=-1)
    # d tanh(a) / da = 4 s (1 - s) with s = sigmoid(2a)
    aten.sigmoid_backward(d_gated * gate * 4, signal, grad_input=d_signal)
    aten.sigmoid_backward(d_gated * (2 * signal - 1), gate, grad_input=d_gate)
    return d_gates
