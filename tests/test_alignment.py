"""Windows: encoder, upsampling, decoder and targets fit together, by simulation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil, prod

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv1d, conv_transpose1d

from wavenet_ae.alignment import Alignment, WindowPlan
from wavenet_ae.geometry import Chain, Down, Up, causal_chain

CONVOLUTIONS = [Down(3), Down(3), Down(4, 2), Down(3), Down(3), *[Down(1)] * 4]
UPSAMPLING = Chain((Down(3), Up(25, 5), Up(16, 4), Up(16, 4), Up(16, 4)))
DECODER = causal_chain([2**i for i in range(10)] * 2, 2)


def reference(*features: Down) -> Alignment:
    """MFCC frames of 400 samples every 160, then an encoder to 50 codes per second."""
    return Alignment(Chain((Down(400, 160), *features, *CONVOLUTIONS)), UPSAMPLING, DECODER)


def conditioning_read(decoder: Chain) -> set[int]:
    """How far before a target the conditioning lies that it reads, at the outputs of all layers."""
    above = [Chain(decoder.layers[depth + 1 :]) for depth in range(len(decoder.layers))]
    # The decoder's output j predicts the sample after the last that it read.
    return {each.receptive_field - index for each in above for index in each.inputs_read(0)}


@st.composite
def decoders(draw: st.DrawFn) -> Chain:
    """Dilated stacks whose targets read conditioning at every position of their reach."""
    kernel = draw(st.integers(2, 3))
    dilations = draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=5))
    decoder = causal_chain(dilations, kernel)
    read = conditioning_read(decoder)
    assume(len(read) == max(read) - min(read) + 1)
    return decoder


@st.composite
def alignments(draw: st.DrawFn) -> Alignment:
    """Any encoder; an upsampling that leaves a whole number of samples per vector."""
    encoder = draw(
        st.lists(st.builds(Down, st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=3)
    )
    hop = prod(layer.stride for layer in encoder)
    upsampling: list[Down | Up] = draw(st.lists(st.just(Down(3)), max_size=1))
    while hop > 1 and draw(st.booleans()):
        stride = draw(st.sampled_from([each for each in range(2, hop + 1) if hop % each == 0]))
        upsampling.append(Up(stride + draw(st.integers(0, 4)), stride))  # + 0: a held stage
        hop //= stride
    target = Chain()
    if divisors := [each for each in range(2, hop + 1) if hop % each == 0]:
        stride = draw(st.sampled_from([1, *divisors]))
        frame = Down(draw(st.integers(1, 7)), stride)
        target = draw(st.sampled_from([Chain(), Chain((frame,))]))
    chains = (Chain(tuple(encoder)), Chain(tuple(upsampling)))
    if target.layers and draw(st.booleans()):  # a decoder of frames reads conditioning alone
        decoder = Chain((Down(1, anchor="last"), Down(draw(st.integers(1, 4)), anchor="last")))
        return Alignment(*chains, decoder, target, draw(st.integers(-3, 4)), reads_past=False)
    return Alignment(*chains, draw(decoders()), target, draw(st.integers(-1, 2)))


def first_target(alignment: Alignment, plan: WindowPlan, index: int) -> int:
    """Target `index` of the slice, counted as from the encoder's first sample."""
    hops, rest = divmod(plan.encoder_input.start, alignment.target_hop)
    assert not rest, "the targets of all windows lie on one grid"
    return index - hops


def simulate(alignment: Alignment, plan: WindowPlan) -> tuple[set[int], list[set[int]]]:
    """What the window's targets read: the samples, and for each target the codes.

    Sample 0 is the encoder's first.  The vector at a position is found among all by distance.
    """
    begin = first_target(alignment, plan, 0)  # the first target that the slice gives
    first = plan.targets.start + begin
    targets = range(first, first + plan.num_targets)
    grid = alignment.conditioning_grid

    def codes_at(position: int) -> frozenset[int]:
        instant = alignment.target_grid.anchor(position)
        near = int((instant - grid.origin) / grid.spacing)
        vector = min(
            range(near - 2, near + 3), key=lambda index: (abs(grid.anchor(index) - instant), index)
        )
        held_since = plan.conditioning.start + begin
        assert vector == (position - held_since) // plan.conditioning_hop
        return alignment.upsampling.inputs_read(vector)

    back = {each - 1 + alignment.delay for each in conditioning_read(alignment.decoder)}
    positions = {target - each for target in targets for each in back}
    codes = {position: codes_at(position) for position in positions}
    read = [set().union(*(codes[target - each] for each in back)) for target in targets]
    inputs = alignment.decoder.inputs_read(0) if alignment.reads_past else ()
    past = {target - alignment.receptive_field + index for target in targets for index in inputs}
    samples = set().union(*(alignment.target.inputs_read(each) for each in past))
    for code in set().union(*read):
        samples |= alignment.encoder.inputs_read(code)
    return samples, read


@settings(max_examples=80)
@given(alignments(), st.integers(1, 40))
def test_a_plan_holds_what_its_targets_read_and_nothing_else(alignment, num_targets):
    plan = alignment.window(num_targets)
    samples, read = simulate(alignment, plan)
    counted = Counter(code for codes in read for code in codes)
    assert plan.num_targets == num_targets
    assert [counted[code] for code in range(plan.num_codes)] == list(plan.usage)
    assert set(counted) == set(range(plan.num_codes))

    first = first_target(alignment, plan, plan.targets.start)
    own = range(first, first + num_targets)
    samples |= set().union(*(alignment.target.inputs_read(each) for each in own))
    assert min(samples) == -plan.encoder_input.start or alignment.target_hop > 1
    assert max(samples) + 1 == plan.slice_length - plan.encoder_input.start
    assert min(samples) >= -plan.encoder_input.start
    assert plan.margins[0] + plan.num_samples + plan.margins[1] == plan.slice_length
    assert alignment.target.output_length(plan.target_input.stop) == plan.targets.stop


@settings(max_examples=80)
@given(alignments(), st.integers(1, 200))
def test_the_parts_of_a_plan_fit(alignment, num_targets):
    plan = alignment.window(num_targets)
    encoder_length = plan.encoder_input.stop - plan.encoder_input.start
    decoder_length = plan.decoder_input.stop - plan.decoder_input.start
    first_layer = alignment.decoder.layers[0]
    conditioning = plan.conditioning.stop - plan.conditioning.start
    assert alignment.encoder.output_length(encoder_length) == plan.num_codes
    if alignment.reads_past:
        assert alignment.decoder.output_length(decoder_length) == num_targets
        assert first_layer.output_length(decoder_length) == conditioning
        assert plan.decoder_input.stop == plan.targets.stop - 1
    else:
        assert decoder_length == 0
    assert conditioning == alignment.conditioning_reach + num_targets - 1
    assert plan.conditioning.stop == plan.targets.stop - alignment.delay
    starts = (plan.encoder_input, plan.decoder_input, plan.targets)
    assert min(part.start for part in starts) == 0
    # Less than one code hop of conditioning is computed and not used.
    num_vectors = ceil(conditioning / plan.conditioning_hop)
    unused = alignment.upsampling.output_length(plan.num_codes) - num_vectors
    assert 0 <= unused * plan.conditioning_hop * plan.target_hop < alignment.code_hop


@given(alignments(), st.integers(1, 200))
def test_the_first_target_does_not_depend_on_the_window(alignment, num_targets):
    one, plan = alignment.window(1), alignment.window(num_targets)
    assert first_target(alignment, plan, plan.targets.start) == alignment.first_target
    assert plan.margins[0] == one.margins[0]
    assert plan.encoder_input.start == one.encoder_input.start


@given(alignments(), st.integers(1, 200))
def test_usage_is_a_truncated_trapezoid(alignment, num_targets):
    plan = alignment.window(num_targets)
    usage, hop = plan.usage, ceil(alignment.code_hop / alignment.target_hop)
    top = usage.index(max(usage))
    assert list(usage[: top + 1]) == sorted(usage[: top + 1])
    assert list(usage[top:]) == sorted(usage[top:], reverse=True)
    assert min(usage) >= 1 and max(usage) <= min(plan.full_usage, num_targets)
    assert all(abs(left - right) <= hop for left, right in pairwise(usage))


@given(alignments())
def test_an_interior_code_of_a_long_window_has_full_usage(alignment):
    full = alignment.window(1).full_usage
    usage = alignment.window(full + 2 * int(alignment.code_hop)).usage
    assert max(usage) == full


@pytest.mark.parametrize(
    ("features", "num_targets", "num_codes", "slice_length"),
    [
        ((), 100, 14, 6960),
        ((), 2048, 20, 8880),
        ((), 5000, 29, 11760),
        ((Down(5), Down(5)), 100, 14, 8240),
        ((Down(5), Down(5)), 2048, 20, 10160),
        ((Down(5), Down(5)), 5000, 29, 13040),
    ],
)
def test_reference_windows(features, num_targets, num_codes, slice_length):
    plan = reference(*features).window(num_targets)
    assert (plan.num_codes, plan.slice_length) == (num_codes, slice_length)
    assert plan.full_usage == 4537
    assert plan.conditioning_hop == 1


def test_the_reference_reads_one_position_of_conditioning_less_than_samples():
    """Conditioning enters at the outputs of the first layer: R - 1 positions, not R."""
    alignment = reference()
    assert alignment.receptive_field == 2047 == len(alignment.decoder.inputs_read(0))
    assert alignment.conditioning_reach == 2046
    assert conditioning_read(alignment.decoder) == set(range(1, 2047))


@given(alignments())
def test_with_the_least_honest_delay_conditioning_has_read_nothing_of_its_target(alignment):
    """What targets read through codes ends where the target before them ends, and no sooner."""
    delayed = replace(alignment, reads_past=False, delay=alignment.least_honest_delay)
    grid, past_ends = delayed.conditioning_grid, []
    for target in range(3 * delayed.conditioning_hop * int(delayed.code_hop / grid.spacing)):
        vector = (target - delayed.delay - delayed.first_position) // delayed.conditioning_hop
        codes = delayed.upsampling.inputs_read(vector)
        last = max(max(delayed.encoder.inputs_read(code)) for code in codes)
        past_ends.append(last - max(delayed.target.inputs_read(target - 1)))
    assert -delayed.target_hop < max(past_ends) <= 0


def test_codes_stand_in_the_middle_of_what_they_hear():
    alignment = reference()
    read = alignment.encoder.input_range(range(1))
    assert alignment.code_grid.anchor(0) == Fraction(read.start + read.stop - 1, 2)
    assert alignment.code_hop == 320


def test_conditioning_off_the_sample_grid_is_refused():
    with pytest.raises(ValueError, match=r"every 8 samples.*by 16.*every 1/2 samples"):
        Alignment(Chain((Down(8, 8),)), Chain((Up(16, 16),)), causal_chain([1], 2))
    with pytest.raises(ValueError, match=r"every 8/3 samples.*change the upsampling strides"):
        Alignment(Chain((Down(8, 8),)), Chain((Up(3, 3),)), causal_chain([1], 2))


def test_a_decoder_without_layers_and_a_window_without_targets_are_refused():
    with pytest.raises(ValueError, match="no dilated layer"):
        Alignment(Chain((Down(8, 8),)), Chain((Up(8, 8),)), Chain())
    with pytest.raises(ValueError, match="num_targets is 0"):
        reference().window(0)


def through(chain: Chain, x: torch.Tensor) -> torch.Tensor:
    """(B, 1, T) -> (B, 1, T') with fixed weights, a tanh behind each layer."""
    for layer in chain.layers:
        weight = torch.linspace(0.4, 1.1, layer.kernel, dtype=x.dtype)[None, None] / layer.kernel
        if isinstance(layer, Up):
            x = conv_transpose1d(
                x, weight, stride=layer.stride, padding=layer.kernel - layer.stride
            )
        else:
            x = conv1d(x, weight, stride=layer.stride, dilation=layer.dilation)
        x = x.tanh()
    return x


def encode(alignment: Alignment, plan: WindowPlan, x: torch.Tensor) -> torch.Tensor:
    """(B, 1, slice_length) -> (B, 1, N)"""
    return through(alignment.encoder, x[..., plan.encoder_input])


def decode(
    alignment: Alignment, plan: WindowPlan, codes: torch.Tensor, x: torch.Tensor
) -> torch.Tensor:
    """(B, 1, N), (B, 1, slice_length) -> (B, 1, W), indexed as the plan says."""
    vectors = through(alignment.upsampling, codes).repeat_interleave(plan.conditioning_hop, -1)
    conditioning = vectors[..., : plan.conditioning.stop - plan.conditioning.start]
    hidden = through(alignment.target, x[..., plan.target_input])[..., plan.decoder_input]
    if not alignment.reads_past:
        return through(alignment.decoder, conditioning)
    for layer in alignment.decoder.layers:
        hidden = through(Chain((layer,)), hidden)
        hidden = (hidden + conditioning[..., -hidden.shape[-1] :]).tanh()
    return hidden


def predict(alignment: Alignment, plan: WindowPlan, x: torch.Tensor) -> torch.Tensor:
    """(B, 1, slice_length) -> (B, 1, W)"""
    return decode(alignment, plan, encode(alignment, plan, x), x)


SMALL = {
    "one vector per sample": Alignment(
        Chain((Down(10, 4), Down(3), Down(4, 2))),
        Chain((Down(3), Up(7, 2), Up(4, 4))),
        causal_chain([1, 2, 4] * 2, 2),
    ),
    "two samples per vector": Alignment(
        Chain((Down(8, 4), Down(4, 2))), Chain((Up(9, 4),)), causal_chain([1, 3, 1, 3], 3)
    ),
    "one target every two samples": Alignment(
        Chain((Down(10, 4), Down(4, 2))),
        Chain((Down(3), Up(7, 2))),
        causal_chain([1, 2] * 2, 2),
        Chain((Down(5, 2),)),
    ),
    "no upsampling": Alignment(Chain((Down(2, 8),)), Chain(), causal_chain([4, 2, 1], 2)),
    "frames of conditioning around them": Alignment(
        Chain((Down(10, 4), Down(4, 2))),
        Chain((Down(3), Up(7, 2))),
        Chain((Down(1, anchor="last"), Down(3, anchor="last"))),
        Chain((Down(5, 2),)),
        delay=-1,
        reads_past=False,
    ),
    "frames ahead of their conditioning": Alignment(
        Chain((Down(10, 4), Down(4, 2))),
        Chain((Down(3), Up(7, 2))),
        Chain((Down(1, anchor="last"),)),
        Chain((Down(5, 2),)),
        delay=3,
        reads_past=False,
    ),
}


@pytest.mark.parametrize("alignment", SMALL.values(), ids=SMALL)
def test_a_slice_gives_what_the_whole_utterance_gives(alignment):
    """This holds for every phase of a code hop and for windows everywhere in the utterance."""
    hop, each, length = int(alignment.code_hop), alignment.target_hop, 120
    short, long = alignment.window(13), alignment.window(length // each)
    before, after = long.margins
    speech = torch.randn(length + hop, dtype=torch.float64, generator=torch.manual_seed(0))
    padded = torch.nn.functional.pad(speech, (before, after))
    for phase in range(hop):
        utterance = padded[None, None, phase : phase + before + length + after]
        whole = predict(alignment, long, utterance)
        for start in range(0, length - short.num_samples + 1, hop):
            window = utterance[..., start : start + short.slice_length]
            expected = whole[..., start // each : start // each + short.num_targets]
            torch.testing.assert_close(
                predict(alignment, short, window), expected, rtol=0, atol=1e-9
            )


@pytest.mark.parametrize("num_targets", [1, 7, 30])
@pytest.mark.parametrize("alignment", SMALL.values(), ids=SMALL)
def test_torch_uses_each_code_as_often_as_the_plan_says(alignment, num_targets):
    """A NaN in one code reaches as many predictions as `usage` counts."""
    plan = alignment.window(num_targets)
    x = torch.ones(plan.num_codes, 1, plan.slice_length, dtype=torch.float64)
    codes = torch.ones(plan.num_codes, 1, plan.num_codes, dtype=torch.float64)
    codes[range(plan.num_codes), 0, range(plan.num_codes)] = torch.nan
    lost = decode(alignment, plan, codes, x).isnan().sum(dim=(1, 2))
    assert lost.tolist() == list(plan.usage)
