"""Exact integer geometry of layers without padding: which output reads which inputs.

Every layer of this package computes exactly the outputs whose inputs all exist ("valid" in the
terms of convolutions). This module computes, in integers and fractions, how many outputs a layer
gives, which inputs each output reads, and where on the waveform each output is anchored.
`alignment.py` plans training windows from it.

Indices start at 0 and ranges are half open. Lengths that would be negative are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, prod
from typing import Literal, Protocol

Anchor = Literal["center", "last"]


@dataclass(frozen=True)
class Grid:
    """Regular grid in waveform samples: element `j` is anchored at `origin + j * spacing`.

    Attributes:
        origin: Anchor of element 0, in samples; may be a fraction.
        spacing: Samples from one anchor to the next.
    """

    origin: Fraction
    spacing: Fraction

    def anchor(self, index: int) -> Fraction:
        """Returns the anchor of an element, in samples."""
        return self.origin + index * self.spacing

    def nearest(self, position: int) -> int:
        """Returns the index whose anchor is nearest to a sample; ties go to the left."""
        return ceil((position - self.origin) / self.spacing - Fraction(1, 2))


WAVEFORM = Grid(Fraction(0), Fraction(1))


class Layer(Protocol):
    """Questions that a chain asks of its layers, and that it answers itself."""

    @property
    def name(self) -> str:
        """Name of the layer in tables."""

    @property
    def period(self) -> int:
        """Outputs after which the pattern of inputs that are read repeats."""

    def output_length(self, num_inputs: int) -> int:
        """Returns how many outputs `num_inputs` inputs give."""

    def input_length(self, num_outputs: int) -> int:
        """Returns the least number of inputs that gives at least `num_outputs` outputs."""

    def input_range(self, outputs: range) -> range:
        """Returns the interval of inputs that `outputs` read."""

    def output_range(self, inputs: range) -> range:
        """Returns the outputs that can be computed from `inputs` alone."""

    def reader_range(self, inputs: range) -> range:
        """Returns the interval of outputs of an endless stream that read any of `inputs`."""

    def inputs_read(self, output: int) -> frozenset[int]:
        """Returns exactly the inputs that one output reads, without the holes of a dilation."""

    def grid(self, inputs: Grid) -> Grid:
        """Returns where the outputs are anchored, given the grid of the inputs."""


def _require_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} is {value}, but must be at least 1")


@dataclass(frozen=True)
class Down:
    """Convolution, framing or regression over frames: output `j` reads inputs `js .. js + (k-1)d`.

        inputs     0  1  2  3  4  5  6  7  8        kernel k = 3, stride s = 2, dilation d = 2
        output 0   x     x     x
        output 1         x     x     x

    Attributes:
        kernel: Inputs that an output reads, `k`.
        stride: Inputs from one output to the next, `s`.
        dilation: Inputs from one tap to the next, `d`.
        anchor: Whether an output is anchored at the `center` of what it reads or at the `last`
            input.
        name: Name of the layer in tables.

    Raises:
        ValueError: If kernel, stride or dilation is below 1.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    anchor: Anchor = "center"
    name: str = "convolution"

    def __post_init__(self) -> None:
        _require_positive(kernel=self.kernel, stride=self.stride, dilation=self.dilation)

    @property
    def period(self) -> int:
        return 1

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
        offset = Fraction(self.reach, 2 if self.anchor == "center" else 1)
        return Grid(inputs.origin + offset * inputs.spacing, inputs.spacing * self.stride)


@dataclass(frozen=True)
class Taps(Down):
    """Layer that reads some inputs of its window, such as several filters side by side.

        inputs      0  1  2  3  4  5  6
        output 0    x        x        x       a filter of kernel 3, dilation 3
                          x     x     x       another of kernel 3, dilation 2
                    x     x  x  x     x       both: kernel 7, offsets 0, 2, 3, 4, 6

    Attributes:
        offsets: Inputs that output 0 reads, from 0 to the reach.

    Raises:
        ValueError: If the first or last offset is not the first or last input of the window.
    """

    offsets: frozenset[int] = frozenset((0,))

    def __post_init__(self) -> None:
        super().__post_init__()
        ends = (min(self.offsets, default=None), max(self.offsets, default=None))
        if ends != (0, self.reach):
            raise ValueError(
                f"offsets go from {ends[0]} to {ends[1]}, but must go from 0 to {self.reach}"
            )

    def inputs_read(self, output: int) -> frozenset[int]:
        return frozenset(output * self.stride + offset for offset in self.offsets)


@dataclass(frozen=True)
class Middle(Down):
    """Layer that reads the middle of its window, and so is aligned with one that reads all of it.

        inputs      0  1  2  3  4  5  6        kernel 7, read 3
        output 0          x  x  x

    Attributes:
        read: Inputs that output 0 reads, an even number fewer than the kernel.

    Raises:
        ValueError: If it cannot be the middle of the window.
    """

    read: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.read <= self.kernel or self.margin * 2 != self.kernel - self.read:
            raise ValueError(
                f"read is {self.read}, but must be the kernel, {self.kernel}, less an even number"
            )

    @property
    def margin(self) -> int:
        """Inputs of the window before those that are read, and after them."""
        return (self.kernel - self.read) // 2

    def input_range(self, outputs: range) -> range:
        if not outputs:
            return range(0)
        first, last = (each * self.stride + self.margin for each in (outputs.start, outputs[-1]))
        return range(first, last + self.read)

    def output_range(self, inputs: range) -> range:
        first = max(0, ceil(Fraction(inputs.start - self.margin, self.stride)))
        last = (inputs.stop - self.margin - self.read) // self.stride
        return range(first, max(first, last + 1))

    def reader_range(self, inputs: range) -> range:
        if not inputs:
            return range(0)
        first = ceil(Fraction(inputs.start - self.margin - self.read + 1, self.stride))
        return range(first, (inputs.stop - 1 - self.margin) // self.stride + 1)

    def inputs_read(self, output: int) -> frozenset[int]:
        return frozenset(self.input_range(range(output, output + 1)))


@dataclass(frozen=True)
class Up:
    """Transposed convolution, trimmed by `kernel - stride` at both ends (torch's `padding`).

    Each output then reads all the inputs that it would read in an endless stream. With `kernel ==
    stride`, every input is repeated for `stride` outputs.

    Attributes:
        kernel: Outputs that an input contributes to.
        stride: Outputs per input.
        anchor: Whether an output is anchored at the `center` of what it reads or at the `last`
            input.
        name: Name of the layer in tables.

    Raises:
        ValueError: If kernel or stride is below 1, or the kernel is shorter than the stride.
    """

    kernel: int
    stride: int
    anchor: Anchor = "center"
    name: str = "upsampling"

    def __post_init__(self) -> None:
        _require_positive(kernel=self.kernel, stride=self.stride)
        if self.kernel < self.stride:
            raise ValueError(
                f"an upsampling kernel of {self.kernel} is shorter than its stride {self.stride}: "
                "some outputs would read nothing"
            )

    @property
    def period(self) -> int:
        return self.stride

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
        offset = Fraction(k + 1, 2) - s if self.anchor == "center" else Fraction(k - s)
        return Grid(inputs.origin + offset / s * inputs.spacing, inputs.spacing / s)


@dataclass(frozen=True)
class PositionRow:
    """Row of the table that `Chain.positions` returns: a layer's outputs, in waveform samples.

    Attributes:
        name: Name of the layer.
        length: Number of outputs.
        first: Anchor of the first output.
        last: Anchor of the last output.
        spacing: Samples from one output to the next.
        reads: Receptive field of an output, in inputs of the chain.
    """

    name: str
    length: int
    first: Fraction
    last: Fraction
    spacing: Fraction
    reads: int


@dataclass(frozen=True)
class Chain:
    """Layers in sequence; a chain answers the same questions as a layer.

    Attributes:
        layers: The layers, first to last. An empty chain is the identity.
    """

    layers: tuple[Layer, ...] = ()

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
        """Largest distance from the first to the last input of any output, both included."""
        return max(len(self.input_range(range(j, j + 1))) for j in self._period)

    @property
    def lookahead(self) -> Fraction:
        """Largest distance from an output's anchor to the last input that it reads, in inputs."""
        grid = self.grid()
        return max(
            self.input_range(range(j, j + 1)).stop - 1 - grid.anchor(j) for j in self._period
        )

    @property
    def _period(self) -> range:
        """Outputs after which the pattern of inputs that are read repeats."""
        return range(prod(layer.period for layer in self.layers))

    def positions(self, num_inputs: int, inputs: Grid = WAVEFORM) -> list[PositionRow]:
        """Tabulates where the outputs of each layer are anchored.

        Args:
            num_inputs: Number of inputs of the chain.
            inputs: Grid of these inputs; by default waveform samples.

        Returns:
            One row for each layer, first to last.
        """
        rows, grid, length = [], inputs, num_inputs
        for depth, layer in enumerate(self.layers, start=1):
            grid, length = layer.grid(grid), layer.output_length(length)
            reads = Chain(self.layers[:depth]).receptive_field
            last = grid.anchor(max(0, length - 1))
            rows.append(PositionRow(layer.name, length, grid.origin, last, grid.spacing, reads))
        return rows


def side_by_side(chains: Sequence[Chain], name: str = "side by side") -> Taps:
    """Returns the layer that causal chains make whose outputs are added or concatenated.

    All end at the same input. What an output reads is what it reads through any of the chains.

    Args:
        chains: Chains without lookahead.
        name: Name of the layer in tables.

    Raises:
        ValueError: If there is no chain, one looks ahead, or their strides differ.
    """
    if not chains:
        raise ValueError("there is no chain")
    if any(chain.lookahead != 0 for chain in chains):
        raise ValueError("a chain looks ahead, but chains side by side end at the same input")
    spacings = sorted({chain.grid().spacing for chain in chains})
    if len(spacings) > 1 or spacings[0].denominator != 1:
        listed = " and ".join(map(str, spacings))
        raise ValueError(f"chains side by side have strides {listed}, but must have the same")
    length = max(chain.input_length(1) for chain in chains)
    offsets = frozenset(
        length - chain.input_length(1) + index for chain in chains for index in chain.inputs_read(0)
    )
    return Taps(length, int(spacings[0]), anchor="last", name=name, offsets=offsets)


def causal_chain(dilations: Sequence[int], kernel: int) -> Chain:
    """Returns the chain of a WaveNet's dilated convolutions, each anchored at its last input.

    Args:
        dilations: Dilation of each layer.
        kernel: Filter length of every layer.
    """
    return Chain(tuple(Down(kernel, 1, dilation, "last", "dilated") for dilation in dilations))
