"""What every decoder promises, with every output.  A new member is one line in configs.py."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from helpers.configs import DECODERS, OUTPUTS, TARGETS
from torch import Tensor

from wavenet_ae.decoders import Decoder, Sampling
from wavenet_ae.engines import ENGINES, NATIVE_ENGINES, make_engine
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate, resolve
from wavenet_ae.targets import Target

BATCH, CHANNELS, HOP, WIDTH = 3, 5, 4, 17


def target_of(output: str) -> Target:
    torch.manual_seed(0)
    return instantiate(TARGETS[OUTPUTS[output][0]], Target, sample_rate=8000)


def fits(decoder: str, output: str) -> bool:
    """Whether both are about samples, or both about frames."""
    taken = inspect.signature(resolve(DECODERS[decoder]["_target_"], Decoder)).parameters
    return ("num_channels" in taken) == (target_of(output).num_channels is not None)


PAIRS = [(each, output) for each in sorted(DECODERS) for output in sorted(OUTPUTS)]
PAIRS = [pair for pair in PAIRS if fits(*pair)]


def made(decoder: str, output: str, channels: int = CHANNELS, **settings: Any) -> Decoder:
    target = target_of(output)
    node = {**DECODERS[decoder], **settings, "output": OUTPUTS[output][1]}
    sizes = dict(conditioning_dim=channels, conditioning_hop=HOP, num_speakers=4)
    kinds = dict(levels=target.levels, num_channels=target.num_channels)
    return instantiate(node, Decoder, **sizes, **kinds)


@pytest.fixture(params=PAIRS, ids="-".join)
def names(request) -> tuple[str, str]:
    return request.param


@pytest.fixture
def decoder(names) -> Decoder:
    return made(*names).double().eval()


@pytest.fixture
def target(names) -> Target:
    return target_of(names[1])


def inputs(decoder: Decoder, target: Target, width: int = WIDTH) -> tuple[Tensor, Tensor, Tensor]:
    """Past targets (B, R + W - 1), conditioning (B, C, M) and speakers (B,)."""
    generator = torch.Generator().manual_seed(1)
    length = decoder.chain.receptive_field + width - 1
    samples = (BATCH, target.chain.input_length(length))
    waveform = torch.randint(-9000, 9000, samples, generator=generator)
    past = target(waveform.to(torch.int16))
    positions = decoder.chain.layers[0].output_length(length)
    conditioning = torch.randn(
        BATCH, CHANNELS, -(-positions // HOP), generator=generator, dtype=torch.float64
    )
    return past, conditioning, torch.arange(BATCH)


def test_parameters_have_their_shape(decoder, target):
    parameters = decoder(*inputs(decoder, target))
    assert parameters.shape[:2] == (BATCH, decoder.output.num_parameters)
    width = parameters.shape[2]
    # Without past targets, there is one for each position whose vectors are there.
    assert width == WIDTH if decoder.reads_past else WIDTH <= width < WIDTH + HOP
    assert parameters.isfinite().all()


@torch.no_grad()
def test_prime_and_steps_equal_forward(decoder, target):
    past, conditioning, speaker = inputs(decoder, target)
    whole = decoder(past, conditioning, speaker)
    first = decoder.chain.receptive_field - 1
    state = decoder.prime(past[:, :first], conditioning, speaker)
    held = decoder.project(conditioning, speaker)
    start = first - (decoder.chain.layers[0].input_length(1) - 1)  # position of the first step
    for index in range(WIDTH):
        item = held[(start + index) // HOP]
        parameters, state = decoder.step(past[:, first + index], item, state)
        torch.testing.assert_close(parameters, whole[..., index], rtol=0, atol=1e-10)


@torch.no_grad()
def test_no_prediction_reads_its_target_or_what_comes_after(decoder, target):
    """Nor any past target, where the decoder says so."""
    past, conditioning, speaker = inputs(decoder, target)
    changed = past.clone()
    place = decoder.chain.receptive_field + 4  # the target of prediction 5
    changed[:, place] = past[:, place].roll(1) + 3
    before, after = decoder(past, conditioning, speaker), decoder(changed, conditioning, speaker)
    assert torch.equal(before[..., :5], after[..., :5])
    assert torch.equal(before[..., 5:], after[..., 5:]) != decoder.reads_past


@torch.no_grad()
def test_a_fixed_context_is_all_that_is_read(decoder, target):
    past, conditioning, speaker = inputs(decoder, target)
    changed = past.clone()
    changed[:, 0] = past[:, 0].roll(1) + 3
    before, after = decoder(past, conditioning, speaker), decoder(changed, conditioning, speaker)
    assert torch.equal(before[..., 0], after[..., 0]) != decoder.reads_past
    assert torch.equal(before[..., 1:], after[..., 1:]) == decoder.has_fixed_context


@torch.no_grad()
def test_conditioning_and_speaker_matter_and_items_do_not_mix(decoder, target):
    past, conditioning, speaker = inputs(decoder, target)
    whole = decoder(past, conditioning, speaker)
    assert not torch.equal(whole, decoder(past, conditioning.roll(1, 0), speaker))
    assert not torch.equal(whole, decoder(past, conditioning, speaker + 1))
    alone = decoder(past[1:2], conditioning[1:2], speaker[1:2])
    torch.testing.assert_close(alone, whole[1:2], rtol=0, atol=1e-10)


def test_a_step_of_training_reaches_every_weight(decoder, target):
    past, conditioning, speaker = inputs(decoder, target)
    parameters = decoder.train()(past, conditioning, speaker)
    decoder.output.nll(parameters[..., :WIDTH], past[:, -WIDTH:]).sum().backward()
    for name, weight in decoder.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name


def test_every_engine_generates_or_says_why_not(names):
    decoder, target = made(*names).eval(), target_of(names[1])
    past, conditioning, speaker = inputs(decoder, target)
    history = past[:, : decoder.chain.receptive_field]
    shape = (BATCH, WIDTH - 1, *target.shape)
    uniforms = torch.rand(shape, generator=torch.Generator().manual_seed(2))
    refusals = {}
    for name in (*ENGINES, *NATIVE_ENGINES):
        try:
            engine = make_engine(name, decoder)
        except UserError as refusal:
            refusals[name] = str(refusal)
            continue
        session = engine.begin(history, conditioning.float(), speaker)
        targets = session.generate(uniforms, Sampling())
        assert targets.dtype == history.dtype and targets.shape == uniforms.shape
    assert "reference" not in refusals
    assert all("engine=auto" in each for each in refusals.values())
    assert make_engine("auto", decoder).name not in refusals


def test_it_works_without_conditioning_or_refuses_to(names, target):
    try:
        decoder = made(*names, channels=0)
    except ValueError as refusal:
        assert "reads nothing but conditioning" in str(refusal)
        assert not made(*names).reads_past
        return
    past, _, speaker = inputs(decoder, target)
    nothing = torch.zeros(BATCH, 0, 20)
    assert decoder(past, nothing, speaker).shape[2] == WIDTH
