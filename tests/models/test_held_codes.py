"""A fine sequence that is joined with a coarse one: its geometry follows from what each output
reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavenet_ae.geometry import Chain, Down, Grid
from wavenet_ae.models.held_codes import JoinedWithHeld

coarse_chains = st.builds(
    lambda first, later: Chain(
        (Down(*first, anchor="last"), *(Down(k, 1, 1, "last") for k in later))
    ),
    st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 2)),
    st.lists(st.integers(1, 3), max_size=2),
)


@given(coarse_chains, st.integers(0, 12), st.integers(0, 12))
def test_ranges_are_those_of_what_is_read(coarse, first, length):
    layer = JoinedWithHeld(coarse)
    outputs = range(first, first + length)
    read = [layer.inputs_read(output) for output in outputs]
    reads = layer.input_range(outputs)
    if outputs:
        assert (reads.start, reads.stop - 1) == (min(map(min, read)), max(map(max, read)))
    for output, inputs in zip(outputs, read, strict=True):
        assert max(inputs) == output + layer.before, "no output reads an input after its own"
        for place in inputs:
            assert output in layer.reader_range(range(place, place + 1))
    assert set(outputs) <= set(layer.output_range(reads)) or not outputs
    num_inputs = layer.input_length(length)
    assert layer.output_length(num_inputs) == length
    assert layer.output_length(num_inputs - 1) == max(0, length - 1)


@given(coarse_chains, st.integers(0, 30), st.integers(1, 40))
def test_outputs_are_computed_where_all_that_they_read_is_there(coarse, start, length):
    layer = JoinedWithHeld(coarse)
    inputs = range(start, start + length)
    possible = {each for each in range(start + length) if layer.inputs_read(each) <= set(inputs)}
    computed = set(layer.output_range(inputs))
    assert computed <= possible, "an output of a piece that begins between coarse ones has none"
    assert {
        each for each in possible if each >= -(-start // layer.period) * layer.period
    } == computed


def test_outputs_stand_at_their_inputs():
    layer = JoinedWithHeld(Chain((Down(3, 2, anchor="last"),)))
    assert layer.grid(Grid(10, 4)) == Grid(18, 4)
    assert layer.inputs_read(1) == {0, 1, 2, 3} and layer.inputs_read(2) == {2, 3, 4}
    assert Chain((layer,)).receptive_field == 4 and Chain((layer,)).lookahead == 0


def test_a_coarse_chain_that_looks_ahead_is_refused():
    with pytest.raises(ValueError, match="looks ahead"):
        JoinedWithHeld(Chain((Down(3),)))
