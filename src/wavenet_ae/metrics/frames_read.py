"""Frames of the features that an output of a model reads: computed, and measured in two ways.

- By NaN: a NaN in one frame spoils the outputs that read it, also through a weight that is 0.
- By gradient: the frames in which the gradient of an output is not 0. A weight or an activation
  that is 0 stops it, so layers that start at 0 hide what they read.

Both run the model's own layers on frames that take the place of its features. For an encoder of
the waveform, a frame is a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil, floor
from typing import TypeAlias

import torch
from torch import Tensor, nn

from wavenet_ae.audio.features import Waveform
from wavenet_ae.encoders import Encoder
from wavenet_ae.geometry import Chain, Grid
from wavenet_ae.metrics.receptive_fields import bottlenecks_that_pass_nan
from wavenet_ae.models import CodeModel, CodeStream
from wavenet_ae.models.code_streams import Encoded
from wavenet_ae.stream_names import ONLY_STREAM, of_stream

ROWS_AT_ONCE = 64  # sequences with a NaN that are run together
NUM_INPUTS = 8  # random inputs over which a gradient is averaged
OUTPUTS_BEFORE, OUTPUTS_AFTER = 32, 4  # around an output that has no receptive field

Layers: TypeAlias = Callable[[Tensor], Tensor]  # from frames (B, C, F) to outputs (B, D, N)


@dataclass(frozen=True)
class Level:
    """Outputs of a model at one depth.

    Attributes:
        name: Name of the level.
        layers: From frames to outputs.
        chain: Geometry from waveform samples to outputs.
        hop_chain: Geometry from waveform samples to hops, of which the layers take whole ones.
        outputs_per_hop: Outputs in a hop.
        has_fixed_context: Whether an output is a function of its receptive field alone.
        passes_nan: Whether outputs are NaN where an input is: a NaN has no nearest code.
    """

    name: str
    layers: Layers
    chain: Chain
    hop_chain: Chain
    outputs_per_hop: int
    has_fixed_context: bool
    passes_nan: bool


@dataclass(frozen=True)
class FrameField:
    """Frames that an output reads, counted from its own: the last one anchored at or before it.

    Attributes:
        level: Name of the output's level.
        computed: Frames that follow from the geometry; None for an output without a receptive
            field: it depends on all of the past, or on the whole window.
        span: First and last sample that it reads, from its anchor; None likewise.
        by_nan: Frames whose NaN spoils it; None where no NaN passes.
        by_gradient: Frames in which its gradient is not 0.
        gradient: (C, F) magnitude of the gradient by channel and frame.
        frames: The frames of its columns.
        instants: Where frame 0 and those after it are anchored, in samples from the output.
    """

    level: str
    computed: frozenset[int] | None
    span: tuple[Fraction, Fraction] | None
    by_nan: frozenset[int] | None
    by_gradient: frozenset[int]
    gradient: Tensor
    frames: range
    instants: Grid

    @property
    def leaks(self) -> frozenset[int]:
        """Frames that are read by one of the measurements, but not by the geometry."""
        measured = (self.by_nan or frozenset()) | self.by_gradient
        return frozenset() if self.computed is None else measured - self.computed

    @property
    def unread(self) -> frozenset[int]:
        """Frames that are read by the geometry, but whose NaN does not spoil the output."""
        has_both = self.computed is not None and self.by_nan is not None
        return self.computed - self.by_nan if has_both else frozenset()  # type: ignore[operator]


@contextmanager
def frames_as_features(encoder: Encoder, frames: Tensor) -> Iterator[Tensor]:
    """Yields a waveform (B, T) of which, in this block, an encoder's features are `frames`.

    Args:
        encoder: The encoder.
        frames: (B, C, F).
    """
    if isinstance(encoder.features, Waveform):
        yield frames[:, 0]
        return

    def replace(_module: nn.Module, _inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        return frames

    handle = encoder.features.register_forward_hook(replace)
    try:
        yield frames.new_zeros(len(frames), encoder.features.chain.input_length(frames.shape[-1]))
    finally:
        handle.remove()


def run_layers(encoder: Encoder, frames: Tensor) -> Tensor:
    """Returns latents (B, dim, N) of frames (B, C, F) of an encoder's features."""
    with frames_as_features(encoder, frames) as waveform:
        latents: Tensor = encoder(waveform, _mean(encoder, frames))
        return latents


def _mean(encoder: Encoder, frames: Tensor) -> Tensor | None:
    """Returns means of recordings, for an encoder that needs them."""
    is_needed = encoder.features.needs_mean
    return frames.new_zeros(len(frames), encoder.features.dim) if is_needed else None


def levels_of(model: CodeModel) -> list[Level]:
    """Returns the levels of a model: latents of its encoder, and those of each stream of codes.

    The levels of a stream are what its bottleneck reads, unless it is the encoder's latents, and
    the vectors that it returns.
    """
    encoder = model.encoder
    layers, sees_field = partial(run_layers, encoder), not encoder.sees_whole_window
    latents = Level("latents", layers, encoder.chain, encoder.chain, 1, sees_field, True)
    return [latents, *(each for s in model.code_streams for each in _levels_of_stream(model, s))]


def _levels_of_stream(model: CodeModel, stream: CodeStream) -> Iterator[Level]:
    encoder, is_fixed = model.encoder, model.code_has_fixed_context

    def encoded(frames: Tensor) -> Encoded:
        with frames_as_features(encoder, frames) as waveform:
            hops, _ = model.encode_hops(waveform, None, _mean(encoder, frames))
            return hops[stream.name]

    def read(frames: Tensor) -> Tensor:
        with bottlenecks_that_pass_nan(model) if frames.isnan().any() else nullcontext():
            return encoded(frames).latents

    def vectors(frames: Tensor) -> Tensor:
        return encoded(frames).output.vectors

    chains = (stream.chain, model.code_chain, stream.codes_per_hop)
    if stream.chain != encoder.chain or is_fixed == encoder.sees_whole_window:
        kind = "context" if stream.name == ONLY_STREAM else "latents"
        yield Level(of_stream(kind, stream.name), read, *chains, is_fixed, True)
    yield Level(of_stream("vectors", stream.name), vectors, *chains, is_fixed, False)


@torch.no_grad()
def readers_by_nan(layers: Layers, frames: Tensor) -> Tensor:
    """Returns (N, F) bool: which outputs a NaN in each frame spoils.

    Args:
        layers: From frames to outputs.
        frames: (1, C, F).
    """
    spoilt = []
    for marked in torch.arange(frames.shape[-1], device=frames.device).split(ROWS_AT_ONCE):
        rows = frames.repeat(len(marked), 1, 1)  # (R, C, F)
        rows[torch.arange(len(marked), device=frames.device), :, marked] = torch.nan
        spoilt.append(layers(rows).isnan().any(dim=1))  # (R, N)
    return torch.cat(spoilt).t()


def gradient_of(layers: Layers, frames: Tensor, output: int) -> Tensor:
    """Returns the magnitude (C, F) of the gradient of an output, averaged over inputs.

    It is the gradient of a random combination of the output's channels; 0 where none arrives.

    Args:
        layers: From frames to outputs.
        frames: (B, C, F).
        output: Index of the output.
    """
    frames = frames.detach().requires_grad_()
    with torch.enable_grad():
        chosen = layers(frames)[..., output]  # (B, D)
    if not chosen.requires_grad:
        return torch.zeros_like(frames[0])
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(chosen.shape, generator=generator).to(chosen)
    (gradient,) = torch.autograd.grad(chosen, frames, direction)
    return gradient.abs().mean(dim=0)


def measure_frames_read(model: CodeModel) -> list[FrameField]:
    """Measures the frames that an output of each level of a model reads.

    Args:
        model: The model, in evaluation mode.
    """
    return [_measured(model, level) for level in levels_of(model)]


def _measured(model: CodeModel, level: Level) -> FrameField:
    features = model.encoder.features
    chain, hops = (  # from frames to outputs, and to hops
        Chain(each.layers[len(features.chain.layers) :]) for each in (level.chain, level.hop_chain)
    )
    output, num_outputs = _place(chain, level.has_fixed_context)
    num_frames = hops.input_length(ceil(num_outputs / level.outputs_per_hop))
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(NUM_INPUTS, features.dim, num_frames, generator=generator)
    inputs = inputs.to(model.device, model.dtype)
    gradient = gradient_of(level.layers, inputs, output)
    frame_grid, anchor = features.chain.grid(), level.chain.grid().anchor(output)
    own = floor((anchor - frame_grid.origin) / frame_grid.spacing)

    def counted(indices: frozenset[int]) -> frozenset[int]:
        return frozenset(index - own for index in indices)

    computed = span = by_nan = None
    if level.has_fixed_context:
        computed = counted(chain.inputs_read(output))
        samples = level.chain.input_range(range(output, output + 1))
        span = (samples.start - anchor, samples.stop - 1 - anchor)
    if level.passes_nan and level.has_fixed_context:
        by_nan = counted(_indices(readers_by_nan(level.layers, inputs[:1])[output]))
    return FrameField(
        level=level.name,
        computed=computed,
        span=span,
        by_nan=by_nan,
        by_gradient=counted(_indices(gradient.sum(dim=0) != 0)),
        gradient=gradient,
        frames=range(-own, num_frames - own),
        instants=Grid(frame_grid.anchor(own) - anchor, frame_grid.spacing),
    )


def _place(chain: Chain, has_fixed_context: bool) -> tuple[int, int]:
    """Returns an output that has others around it, and the number of them all."""
    before, after = OUTPUTS_BEFORE, OUTPUTS_AFTER
    if has_fixed_context:  # a quarter of its receptive field on either side
        before = after = max(2, ceil(chain.receptive_field / chain.grid().spacing / 4))
    return before, before + 1 + after


def _indices(marks: Tensor) -> frozenset[int]:
    return frozenset(marks.nonzero()[:, 0].tolist())
