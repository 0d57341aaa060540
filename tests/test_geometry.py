"""Layers and chains against torch, whose receptive fields NaN propagation shows."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv1d, conv_transpose1d

from wavenet_ae.geometry import (
    WAVEFORM,
    Chain,
    Down,
    Grid,
    Middle,
    Taps,
    Up,
    causal_chain,
    side_by_side,
)

TABLE = [(25, 5), (16, 4), (5, 2), (7, 3), (11, 4), (3, 2), (4, 4), (3, 1)]

anchors = st.sampled_from(["center", "last"])
downs = st.builds(
    Down, st.integers(1, 4), st.integers(1, 3), dilation=st.integers(1, 3), anchor=anchors
)
ups = st.builds(
    lambda stride, more, anchor: Up(stride + more, stride, anchor),
    *(st.integers(1, 4), st.integers(0, 4), anchors),
)
layers = downs | ups
chains = st.lists(layers, min_size=1, max_size=3).map(lambda each: Chain(tuple(each)))
grids = st.builds(
    Grid, st.fractions(-9, 9, max_denominator=4), st.fractions(1, 9, max_denominator=4)
)


def run(chain: Chain, x: torch.Tensor) -> torch.Tensor:
    """(B, 1, T) -> (B, 1, T'), float64, no weight zero; T' is 0 where torch finds x too short."""
    for seed, layer in enumerate(chain.layers):
        weight = 0.5 + torch.rand(
            1, 1, layer.kernel, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
        )
        try:
            if isinstance(layer, Down):
                x = conv1d(x, weight, stride=layer.stride, dilation=layer.dilation)
            else:
                trimmed = layer.kernel - layer.stride
                x = conv_transpose1d(x, weight, stride=layer.stride, padding=trimmed)
        except RuntimeError:
            return x[..., :0]
    return x


def readers(chain: Chain, num_inputs: int) -> torch.Tensor:
    """(T', T) bool: which output becomes NaN when that input is NaN."""
    x = torch.ones(num_inputs, 1, num_inputs, dtype=torch.float64)
    x[range(num_inputs), 0, range(num_inputs)] = torch.nan
    return run(chain, x)[:, 0].isnan().T


def predicted_readers(chain: Chain, num_inputs: int) -> torch.Tensor:
    predicted = torch.zeros(chain.output_length(num_inputs), num_inputs, dtype=torch.bool)
    for output, reads in enumerate(predicted):
        reads[list(chain.inputs_read(output))] = True
    return predicted


def period(chain: Chain) -> int:
    """After so many outputs, what is read repeats itself some whole number of inputs later."""
    return prod(layer.stride for layer in chain.layers if isinstance(layer, Up))


@pytest.mark.parametrize(("kernel", "stride"), TABLE)
@pytest.mark.parametrize("kind", [Down, Up])
def test_a_row_of_the_table_is_what_torch_computes(kind, kernel, stride):
    chain = Chain((kind(kernel, stride),))
    for num_inputs in range(1, 3 * kernel):
        given_by_torch = run(chain, torch.ones(1, 1, num_inputs, dtype=torch.float64)).shape[-1]
        assert chain.output_length(num_inputs) == given_by_torch
    num_inputs = chain.input_length(2 * stride + 1)
    assert torch.equal(readers(chain, num_inputs), predicted_readers(chain, num_inputs))


@given(chains, st.integers(1, 60))
def test_lengths_are_torchs(chain, num_inputs):
    given_by_torch = run(chain, torch.ones(1, 1, num_inputs, dtype=torch.float64)).shape[-1]
    assert chain.output_length(num_inputs) == given_by_torch


@given(chains, st.integers(1, 30))
def test_input_length_is_the_least_that_gives_enough(chain, num_outputs):
    least = chain.input_length(num_outputs)
    assert chain.output_length(least) >= num_outputs
    assert chain.output_length(least - 1) < num_outputs


@given(layers)
def test_an_empty_input_has_an_empty_output(layer):
    assert layer.output_length(0) == 0 == layer.input_length(0)
    assert not layer.input_range(range(3, 3)) and not layer.reader_range(range(3, 3))


@settings(max_examples=60)
@given(chains, st.integers(1, 8))
def test_outputs_read_exactly_the_predicted_inputs(chain, num_outputs):
    num_inputs = chain.input_length(num_outputs)
    assert torch.equal(readers(chain, num_inputs), predicted_readers(chain, num_inputs))


def test_dilation_leaves_holes():
    assert Down(3, stride=2, dilation=4).inputs_read(5) == {10, 14, 18}


@given(chains, st.integers(-20, 20), st.integers(1, 9))
def test_input_range_spans_what_is_read(chain, first, count):
    outputs = range(first, first + count)
    read = set().union(*(chain.inputs_read(output) for output in outputs))
    assert chain.input_range(outputs) == range(min(read), max(read) + 1)


@given(chains, st.integers(-20, 20), st.integers(1, 9))
def test_output_range_undoes_input_range(chain, first, count):
    outputs = range(first, first + count)
    inputs = chain.input_range(outputs)
    computed = chain.output_range(inputs)
    assert set(outputs) <= set(computed)
    assert outputs[0] not in chain.output_range(inputs[1:])
    assert outputs[-1] not in chain.output_range(inputs[:-1])


@given(chains, st.integers(-9, 9), st.integers(1, 60))
def test_output_range_has_all_that_can_be_computed_and_no_more(chain, first, count):
    inputs = range(first, first + count)
    computed = chain.output_range(inputs)
    for output in range(computed.start - 3, computed.stop + 3):
        assert (output in computed) == (chain.inputs_read(output) <= set(inputs))
    if first == 0:
        assert len(computed) == chain.output_length(count)


@given(layers, st.integers(-9, 9), st.integers(1, 9))
def test_reader_range_is_where_an_output_spans_an_input(layer, first, count):
    inputs = range(first, first + count)
    found = layer.reader_range(inputs)
    for output in range(-60, 80):
        spanned = layer.input_range(range(output, output + 1))
        overlaps = spanned.start < inputs.stop and inputs.start < spanned.stop
        assert (output in found) == overlaps


@given(chains, chains, st.integers(1, 99), grids)
def test_a_chain_is_its_layers_one_by_one(first, second, number, grid):
    both = first + second
    assert both.output_length(number) == second.output_length(first.output_length(number))
    assert both.input_length(number) == first.input_length(second.input_length(number))
    outputs = range(number, number + 3)
    assert both.input_range(outputs) == first.input_range(second.input_range(outputs))
    assert both.output_range(outputs) == second.output_range(first.output_range(outputs))
    assert both.reader_range(outputs) == second.reader_range(first.reader_range(outputs))
    assert both.grid(grid) == second.grid(first.grid(grid))


def test_an_empty_chain_is_the_waveform_itself():
    assert Chain().grid() == WAVEFORM and Chain().output_length(7) == 7
    assert Chain().input_range(range(2, 5)) == range(2, 5)


@given(downs, grids, st.integers(-9, 9))
def test_a_down_layer_stands_at_the_middle_or_the_last_of_what_it_reads(layer, grid, output):
    read = [grid.anchor(index) for index in layer.inputs_read(output)]
    expected = sum(read) / len(read) if layer.anchor == "center" else max(read)
    assert layer.grid(grid).anchor(output) == expected


@given(ups, grids, st.integers(-9, 9))
def test_an_up_layer_stands_at_the_middle_or_the_last_of_what_it_reads(layer, grid, index):
    """The phases of an up layer read differently, so its anchors are right for them together.

    Centered: the outputs that read an input lie symmetrically around it, and over one period the
    outputs stand, on average, at the middle of what they read.
    """
    above = layer.grid(grid)
    outputs = range(index * layer.stride, (index + 1) * layer.stride)
    read = [sorted(layer.inputs_read(output)) for output in outputs]
    if layer.anchor == "last":
        for output, inputs in zip(outputs, read, strict=True):
            assert grid.anchor(inputs[-1]) <= above.anchor(output) < grid.anchor(inputs[-1] + 1)
        return
    found = [output for output in range(-80, 120) if index in layer.inputs_read(output)]
    assert sum(map(above.anchor, found)) / len(found) == grid.anchor(index)
    middles = [(grid.anchor(inputs[0]) + grid.anchor(inputs[-1])) / 2 for inputs in read]
    assert sum(map(above.anchor, outputs)) == sum(middles)


@given(grids, st.integers(-30, 30))
def test_nearest_is_nearest_and_ties_go_left(grid, position):
    around = range(int((position - grid.origin) / grid.spacing) - 3, 70)
    expected = min(around, key=lambda index: (abs(grid.anchor(index) - position), index))
    assert grid.nearest(position) == expected


@given(chains)
def test_receptive_field_and_lookahead_are_those_of_the_widest_output(chain):
    outputs = range(7 * period(chain), 8 * period(chain))
    read = [chain.inputs_read(output) for output in outputs]
    assert chain.receptive_field == max(max(each) - min(each) + 1 for each in read)
    ahead = [max(each) - chain.grid().anchor(at) for each, at in zip(read, outputs, strict=True)]
    assert chain.lookahead == max(ahead)


@given(st.lists(layers, max_size=3), st.integers(1, 40))
def test_positions_name_what_every_layer_gives(each, num_inputs):
    rows = Chain(tuple(each)).positions(num_inputs)
    assert len(rows) == len(each)
    for depth, row in enumerate(rows, start=1):
        head = Chain(tuple(each[:depth]))
        assert (row.name, row.length) == (each[depth - 1].name, head.output_length(num_inputs))
        assert (row.first, row.spacing) == (head.grid().origin, head.grid().spacing)
        assert row.last == head.grid().anchor(max(0, row.length - 1))
        assert row.reads == head.receptive_field


def test_a_wavenets_receptive_field():
    chain = causal_chain([2**i for i in range(10)] * 2, 2)
    assert chain.receptive_field == 2047
    assert chain.grid() == Grid(Fraction(2046), Fraction(1))


last_layers = st.lists(layers, min_size=1, max_size=3).map(
    lambda each: Chain(
        tuple(
            Down(layer.kernel, layer.stride, layer.dilation, "last")
            if isinstance(layer, Down)
            else Up(layer.kernel, layer.stride, "last")
            for layer in each
        )
    )
)


@settings(max_examples=60)
@given(last_layers, st.integers(1, 9), st.integers(0, 40))
def test_a_causal_chain_never_hears_the_future(chain, num_outputs, time):
    """Samples after `time` change; outputs anchored at or before it stay, the next ones change."""
    assert chain.lookahead <= 0
    x = torch.ones(1, 1, chain.input_length(num_outputs), dtype=torch.float64)
    changed = x.clone()
    changed[..., time + 1 :] += 1
    before, after = run(chain, x)[0, 0], run(chain, changed)[0, 0]
    is_past = torch.tensor([chain.grid().anchor(j) <= time for j in range(len(before))])
    assert torch.equal(before[is_past], after[is_past])


@settings(max_examples=30)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=4), st.integers(2, 3), st.integers(0, 30))
def test_a_dilated_stack_hears_the_present(dilations, kernel, time):
    """The converse of causality: an output does read the sample at which it is anchored."""
    chain = causal_chain(dilations, kernel)
    assert chain.lookahead == 0
    x = torch.ones(1, 1, chain.input_length(1) + time, dtype=torch.float64)
    changed = x.clone()
    changed[..., -1] += 1
    difference = (run(chain, x) != run(chain, changed))[0, 0]
    assert difference.tolist() == [False] * time + [True]


causal_chains = st.integers(1, 3).flatmap(
    lambda stride: st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3).map(
            lambda sizes: Chain(
                tuple(
                    Down(kernel, stride if depth == 0 else 1, dilation, "last")
                    for depth, (kernel, dilation) in enumerate(sizes)
                )
            )
        ),
        min_size=1,
        max_size=4,
    )
)


@given(causal_chains, st.integers(0, 9))
def test_chains_side_by_side_read_what_any_of_them_reads_up_to_the_same_input(chains, output):
    layer = side_by_side(chains)
    ends = [chain.input_range(range(output, output + 1)).stop for chain in chains]
    read = {
        index + max(ends) - end
        for chain, end in zip(chains, ends, strict=True)
        for index in chain.inputs_read(output)
    }
    assert layer.inputs_read(output) == read
    assert layer.input_range(range(output, output + 1)) == range(min(read), max(read) + 1)
    assert layer.output_length(max(read) + 1) == output + 1 > layer.output_length(max(read))
    assert Chain((layer,)).lookahead == 0


@given(st.integers(1, 5), st.integers(0, 4), st.integers(1, 9), st.integers(0, 30))
def test_the_middle_of_a_window_is_anchored_where_the_window_is(read, margin, stride, num):
    whole, middle = Down(read + 2 * margin, stride), Middle(read + 2 * margin, stride, read=read)
    assert whole.grid(WAVEFORM) == middle.grid(WAVEFORM)
    assert whole.output_length(num) == middle.output_length(num)
    for output in range(6):
        reads = set(range(output * stride + margin, output * stride + margin + read))
        assert middle.inputs_read(output) == reads
        assert set(middle.input_range(range(output, output + 1))) == reads
    inputs = range(num, num + 12)
    read_by = [each for each in range(60) if middle.inputs_read(each) & set(inputs)]
    known = [each for each in range(60) if middle.inputs_read(each) <= set(inputs)]
    assert [each for each in middle.reader_range(inputs) if each >= 0] == read_by
    assert list(middle.output_range(inputs)) == known


@pytest.mark.parametrize("read", [0, 4, 7])
def test_a_middle_has_as_much_on_either_side(read):
    with pytest.raises(ValueError, match=f"read is {read}, but must be the kernel, 5, less an eve"):
        Middle(5, read=read)


@pytest.mark.parametrize(
    "make",
    [
        lambda: side_by_side([]),
        lambda: side_by_side([Chain((Down(3),))]),
        lambda: side_by_side([Chain((Down(3, 2, 1, "last"),)), Chain()]),
        lambda: Taps(3, offsets=frozenset((0, 1))),
    ],
)
def test_chains_that_do_not_end_together_are_refused(make):
    with pytest.raises(ValueError, match=r"no chain|looks ahead|have strides 1 and 2|from 0 to 2"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Down(0),
        lambda: Down(3, stride=0),
        lambda: Down(3, dilation=-1),
        lambda: Up(0, 0),
        lambda: Up(3, 4),
    ],
)
def test_impossible_layers_are_refused(make):
    with pytest.raises(ValueError, match=r"must be at least 1|shorter than its stride"):
        make()
