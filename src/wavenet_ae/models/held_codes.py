"""Geometry of a fine sequence that is joined with a coarse one of the same input."""

from __future__ import annotations

from dataclasses import dataclass

from wavenet_ae.geometry import Chain, Grid


@dataclass(frozen=True)
class JoinedWithHeld:
    """Layer whose output reads its own input, and the newest output of a coarse causal chain.

    An output of the coarse chain is held until the next one is there. No output reads an input
    after its own, which is also where it is anchored:

        inputs      0  1  2  3  4  5  6        coarse: kernel 3, stride 2
        coarse            c0    c1    c2       c0 has read inputs 0 .. 2, c1 inputs 2 .. 4
        output 0          x                    input 2 and c0
        output 1             x                 input 3 and c0
        output 2                x              input 4 and c1

    Attributes:
        coarse: Chain from inputs to the coarse sequence, without lookahead.
        name: Name of the layer in tables.

    Raises:
        ValueError: If the coarse chain looks ahead, or its outputs are no whole number of inputs
            apart.
    """

    coarse: Chain
    name: str = "joined"

    def __post_init__(self) -> None:
        if self.coarse.lookahead != 0:
            raise ValueError("the coarse chain looks ahead")
        if self.coarse.grid().spacing.denominator != 1:
            raise ValueError("outputs of the coarse chain are no whole number of inputs apart")

    @property
    def period(self) -> int:
        """Inputs from one output of the coarse chain to the next, s."""
        return int(self.coarse.grid().spacing)

    @property
    def before(self) -> int:
        """Inputs before that of output 0, which the coarse chain reads."""
        return self.coarse.input_length(1) - 1

    def output_length(self, num_inputs: int) -> int:
        return max(0, num_inputs - self.before)

    def input_length(self, num_outputs: int) -> int:
        return num_outputs + self.before if num_outputs > 0 else 0

    def input_range(self, outputs: range) -> range:
        if not outputs:
            return range(0)
        return range(outputs.start // self.period * self.period, outputs.stop + self.before)

    def output_range(self, inputs: range) -> range:
        first = -(-inputs.start // self.period) * self.period  # of a coarse output that is known
        return range(first, max(first, inputs.stop - self.before))

    def reader_range(self, inputs: range) -> range:
        if not inputs:
            return range(0)
        held, before = self.coarse.reader_range(inputs), self.before
        first = min(held.start * self.period, inputs.start - before)
        return range(first, max(held.stop * self.period, inputs.stop - before))

    def inputs_read(self, output: int) -> frozenset[int]:
        return self.coarse.inputs_read(output // self.period) | {output + self.before}

    def grid(self, inputs: Grid) -> Grid:
        return Grid(inputs.anchor(self.before), inputs.spacing)
