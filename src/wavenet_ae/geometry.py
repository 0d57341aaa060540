"""Which sample reads which: exact integer geometry of layers without padding.

Every layer of this project computes exactly the outputs whose inputs all exist.  This module
answers, in integers and fractions, how long the outputs are, which inputs each of them reads and
where on the waveform it is anchored, and plans the windows on which models are trained:

    waveform  |<------------------------ slice ------------------------->|
    encoder   |<------------------ encoder_input ------------------>|
    codes             c0    c1    c2    c3    c4    c5    c6
    decoder                |<------ decoder_input ------>|
    predicted                              |<-- targets ->|

Indices start at 0 and ranges are half open.  Lengths that would be negative are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor, prod
from typing import Literal, Protocol

Anchor = Literal["centre", "last"]


@dataclass(frozen=True)
class Grid:
    """A regular grid in waveform samples: element `j` is anchored at `origin + j * spacing`."""

    origin: Fraction
    spacing: Fraction

    def anchor(self, index: int) -> Fraction:
        return self.origin + index * self.spacing

    def nearest(self, position: int) -> int:
        """The index whose anchor is nearest to `position`; ties go to the left."""
        return ceil((position - self.origin) / self.spacing - Fraction(1, 2))


WAVEFORM = Grid(Fraction(0), Fraction(1))


class Layer(Protocol):
    """What a chain asks of its layers, and what a chain answers itself."""

    def output_length(self, num_inputs: int) -> int:
        """How many outputs `num_inputs` inputs give."""

    def input_length(self, num_outputs: int) -> int:
        """The least number of inputs that gives at least `num_outputs` outputs."""

    def input_range(self, outputs: range) -> range:
        """The interval of inputs that `outputs` read."""

    def output_range(self, inputs: range) -> range:
        """The outputs that can be computed from `inputs` alone."""

    def reader_range(self, inputs: range) -> range:
        """The interval of outputs, of an endless stream, that read any of `inputs`."""

    def inputs_read(self, output: int) -> frozenset[int]:
        """Exactly the inputs that one output reads, dilation holes left out."""

    def grid(self, inputs: Grid) -> Grid:
        """Where the outputs are anchored, given the grid of the inputs."""


def _require_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} is {value}, but must be at least 1")


@dataclass(frozen=True)
class Down:
    """A convolution, a framing or a regression over frames: output `j` reads `js .. js + (k-1)d`.

    `anchor` says where an output stands: at the `centre` of what it reads, or at the `last` of it.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    anchor: Anchor = "centre"
    name: str = "convolution"

    def __post_init__(self) -> None:
        _require_positive(kernel=self.kernel, stride=self.stride, dilation=self.dilation)

    @property
    def reach(self) -> int:
        """Distance from the first to the last input that an output reads."""
        return (self.kernel - 1) * self.dilation

    def output_length(self, num_inputs: int) -> int:
        return max(0, (num_inputs - self.reach - 1) // self.stride + 1)

    def input_length(self, num_outputs: int) -> int:
        return (num_outputs - 1) * self.stride + self.reach + 1 if num_outputs > 0 else 0

    def input_range(self, outputs: range) -> range:
        if not outputs:
            return range(0)
        return range(outputs.start * self.stride, (outputs.stop - 1) * self.stride + self.reach + 1)

    def output_range(self, inputs: range) -> range:
        first = ceil(Fraction(inputs.start, self.stride))
        last = (inputs.stop - 1 - self.reach) // self.stride
        return range(first, max(first, last + 1))

    def reader_range(self, inputs: range) -> range:
        if not inputs:
            return range(0)
        first = ceil(Fraction(inputs.start - self.reach, self.stride))
        return range(first, (inputs.stop - 1) // self.stride + 1)

    def inputs_read(self, output: int) -> frozenset[int]:
        start = output * self.stride
        return frozenset(range(start, start + self.reach + 1, self.dilation))

    def grid(self, inputs: Grid) -> Grid:
        offset = Fraction(self.reach, 2 if self.anchor == "centre" else 1)
        return Grid(inputs.origin + offset * inputs.spacing, inputs.spacing * self.stride)


@dataclass(frozen=True)
class Up:
    """A transposed convolution trimmed by `kernel - stride` at both ends (torch: that padding).

    Each output then reads all the inputs that it would read in an endless stream.  With
    `kernel == stride` every input is held for `stride` outputs.
    """

    kernel: int
    stride: int
    anchor: Anchor = "centre"
    name: str = "upsampling"

    def __post_init__(self) -> None:
        _require_positive(kernel=self.kernel, stride=self.stride)
        if self.kernel < self.stride:
            raise ValueError(
                f"an upsampling kernel of {self.kernel} is shorter than its stride {self.stride}: "
                "some outputs would read nothing"
            )

    def output_length(self, num_inputs: int) -> int:
        return max(0, num_inputs * self.stride + self.stride - self.kernel)

    def input_length(self, num_outputs: int) -> int:
        if num_outputs <= 0:
            return 0
        return ceil(Fraction(num_outputs + self.kernel - self.stride, self.stride))

    def input_range(self, outputs: range) -> range:
        if not outputs:
            return range(0)
        s, k = self.stride, self.kernel
        first = ceil(Fraction(outputs.start - s + 1, s))
        return range(first, (outputs.stop - 1 + k - s) // s + 1)

    def output_range(self, inputs: range) -> range:
        s, k = self.stride, self.kernel
        return range(inputs.start * s, max(inputs.start * s, inputs.stop * s + s - k))

    def reader_range(self, inputs: range) -> range:
        if not inputs:
            return range(0)
        s, k = self.stride, self.kernel
        return range(inputs.start * s - k + s, inputs.stop * s)

    def inputs_read(self, output: int) -> frozenset[int]:
        return frozenset(self.input_range(range(output, output + 1)))

    def grid(self, inputs: Grid) -> Grid:
        s, k = self.stride, self.kernel
        offset = Fraction(k + 1, 2) - s if self.anchor == "centre" else Fraction(k - s)
        return Grid(inputs.origin + offset / s * inputs.spacing, inputs.spacing / s)


@dataclass(frozen=True)
class PositionRow:
    """One line of the table for people: a layer's outputs in waveform samples."""

    name: str
    length: int
    first: Fraction
    last: Fraction
    spacing: Fraction
    reads: int


@dataclass(frozen=True)
class Chain:
    """Layers one after the other; answers the same questions as a layer."""

    layers: tuple[Down | Up, ...] = ()

    def __add__(self, other: Chain) -> Chain:
        return Chain(self.layers + other.layers)

    def output_length(self, num_inputs: int) -> int:
        for layer in self.layers:
            num_inputs = layer.output_length(num_inputs)
        return num_inputs

    def input_length(self, num_outputs: int) -> int:
        for layer in reversed(self.layers):
            num_outputs = layer.input_length(num_outputs)
        return num_outputs

    def input_range(self, outputs: range) -> range:
        for layer in reversed(self.layers):
            outputs = layer.input_range(outputs)
        return outputs

    def output_range(self, inputs: range) -> range:
        for layer in self.layers:
            inputs = layer.output_range(inputs)
        return inputs

    def reader_range(self, inputs: range) -> range:
        for layer in self.layers:
            inputs = layer.reader_range(inputs)
        return inputs

    def inputs_read(self, output: int) -> frozenset[int]:
        indices = frozenset([output])
        for layer in reversed(self.layers):
            indices = frozenset().union(*(layer.inputs_read(index) for index in indices))
        return indices

    def grid(self, inputs: Grid = WAVEFORM) -> Grid:
        for layer in self.layers:
            inputs = layer.grid(inputs)
        return inputs

    @property
    def receptive_field(self) -> int:
        """The most inputs between the first and the last that any output reads, both included."""
        return max(len(self.input_range(range(j, j + 1))) for j in self._period)

    @property
    def lookahead(self) -> Fraction:
        """Last input that an output reads minus the output's anchor, at most, in inputs."""
        grid = self.grid()
        return max(
            self.input_range(range(j, j + 1)).stop - 1 - grid.anchor(j) for j in self._period
        )

    @property
    def _period(self) -> range:
        """Outputs after which the pattern of what is read repeats, a whole number of inputs on."""
        return range(prod(layer.stride for layer in self.layers if isinstance(layer, Up)))

    def positions(self, num_inputs: int, inputs: Grid = WAVEFORM) -> list[PositionRow]:
        """A table of where each layer's outputs stand, `inputs` being where the inputs stand."""
        rows, grid, length = [], inputs, num_inputs
        for depth, layer in enumerate(self.layers, start=1):
            grid, length = layer.grid(grid), layer.output_length(length)
            reads = Chain(self.layers[:depth]).receptive_field
            last = grid.anchor(max(0, length - 1))
            rows.append(PositionRow(layer.name, length, grid.origin, last, grid.spacing, reads))
        return rows


def causal_chain(dilations: Sequence[int], kernel: int) -> Chain:
    """A WaveNet's dilated convolutions: every layer anchored at the last sample it reads."""
    return Chain(tuple(Down(kernel, 1, dilation, "last", "dilated") for dilation in dilations))


@dataclass(frozen=True)
class WindowPlan:
    """Where everything of a training window lies; the slices index the waveform slice.

    `targets` are the predicted samples.  `conditioning` are the positions at which the decoder's
    first layer reads a conditioning vector: vector 0 is held for the first `conditioning_hop` of
    them, vector 1 for the next, and so on.  `usage[c]` is the number of predicted samples that
    read code `c`, and `full_usage` what it would be inside an endless window.
    """

    slice_length: int
    encoder_input: slice
    decoder_input: slice
    conditioning: slice
    targets: slice
    conditioning_hop: int
    num_codes: int
    usage: tuple[int, ...]
    full_usage: int

    @property
    def num_targets(self) -> int:
        return self.targets.stop - self.targets.start

    @property
    def margins(self) -> tuple[int, int]:
        """Samples of the slice before the first and after the last predicted sample."""
        return self.targets.start, self.slice_length - self.targets.stop


@dataclass(frozen=True)
class Alignment:
    """The chains of a waveform autoencoder, and what follows from them for any window.

    Raises ValueError where the conditioning does not fall on a whole number of samples, or where
    the decoder has no layer.
    """

    encoder: Chain
    upsampling: Chain
    decoder: Chain

    def __post_init__(self) -> None:
        spacing = self.conditioning_grid.spacing
        if spacing.denominator != 1:
            raise ValueError(
                f"one code every {self.code_grid.spacing} samples and an upsampling by "
                f"{self.code_grid.spacing / spacing} give a conditioning vector every {spacing} "
                "samples, which must be a whole number: change the upsampling strides"
            )
        if not self.decoder.layers:
            raise ValueError("the decoder has no dilated layer")

    @cached_property
    def code_grid(self) -> Grid:
        """Where the codes of an encoder input that starts at sample 0 are anchored."""
        return self.encoder.grid()

    @cached_property
    def conditioning_grid(self) -> Grid:
        return self.upsampling.grid(self.code_grid)

    @property
    def code_hop(self) -> Fraction:
        """Samples from one code to the next."""
        return self.code_grid.spacing

    @property
    def conditioning_hop(self) -> int:
        """Samples for which one conditioning vector is held (1: conditioning at sample rate)."""
        return int(self.conditioning_grid.spacing)

    @property
    def receptive_field(self) -> int:
        """R of the decoder: sample `t` is predicted from samples `t-R .. t-1`."""
        return self.decoder.receptive_field

    @property
    def conditioning_reach(self) -> int:
        """How many positions of conditioning one prediction reads: `t - reach .. t-1`."""
        first = self.decoder.layers[0]
        return self.receptive_field - (first.input_length(1) - 1)

    @property
    def first_target(self) -> int:
        """The first sample that can be predicted, counted from the first encoder input."""
        vector_0 = self.conditioning_grid.anchor(0)
        first_position = floor(vector_0 - Fraction(self.conditioning_hop, 2)) + 1
        return first_position + self.conditioning_reach

    def window(self, num_targets: int) -> WindowPlan:
        """Plan a window of `num_targets` predicted samples, walking back from them."""
        _require_positive(num_targets=num_targets)
        target, hop, reach = self.first_target, self.conditioning_hop, self.conditioning_reach
        positions = slice(target - reach, target + num_targets - 1)
        num_vectors = ceil(Fraction(positions.stop - positions.start, hop))
        num_codes = self.upsampling.input_length(num_vectors)
        start = min(0, target - self.receptive_field)
        encoder_stop = self.encoder.input_length(num_codes)

        def shifted(first: int, stop: int) -> slice:
            return slice(first - start, stop - start)

        return WindowPlan(
            slice_length=max(encoder_stop, target + num_targets) - start,
            encoder_input=shifted(0, encoder_stop),
            decoder_input=shifted(target - self.receptive_field, target + num_targets - 1),
            conditioning=shifted(positions.start, positions.stop),
            targets=shifted(target, target + num_targets),
            conditioning_hop=hop,
            num_codes=num_codes,
            usage=tuple(self._usage(code, num_targets) for code in range(num_codes)),
            full_usage=len(self._readers(0)),
        )

    def _readers(self, code: int) -> range:
        """The targets, of an endless window, that read `code`; the window's first target is 0."""
        vectors = self.upsampling.reader_range(range(code, code + 1))
        hop, reach = self.conditioning_hop, self.conditioning_reach
        return range(vectors.start * hop - reach + 1, vectors.stop * hop)

    def _usage(self, code: int, num_targets: int) -> int:
        readers = self._readers(code)
        return max(0, min(readers.stop, num_targets) - max(readers.start, 0))
