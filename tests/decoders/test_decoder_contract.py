"""What every decoder promises, with every output.  A new member is one line in configs.py."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import DECODERS, OUTPUTS, TARGETS
from torch import Tensor

from wavenet_ae.decoders import Decoder, Sampling
from wavenet_ae.engines import ENGINES, NATIVE_ENGINES, make_engine
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate
from wavenet_ae.targets import Target

BATCH, CHANNELS, HOP, WIDTH = 3, 5, 4, 17
PAIRS = [(decoder, output) for decoder in sorted(DECODERS) for output in sorted(OUTPUTS)]


def made(decoder: str, output: str, channels: int = CHANNELS) -> Decoder:
    torch.manual_seed(0)
    target_name, node = OUTPUTS[output]
    levels = instantiate(TARGETS[target_name], Target, sample_rate=8000).levels
    sizes = dict(conditioning_dim=channels, conditioning_hop=HOP, num_speakers=4)
    return instantiate({**DECODERS[decoder], "output": node}, Decoder, levels=levels, **sizes)


@pytest.fixture(params=PAIRS, ids="-".join)
def decoder(request) -> Decoder:
    return made(*request.param).double().eval()


def inputs(decoder: Decoder, width: int = WIDTH) -> tuple[Tensor, Tensor, Tensor]:
    """Past targets (B, R + W - 1), conditioning (B, C, M) and speakers (B,)."""
    generator = torch.Generator().manual_seed(1)
    length = decoder.chain.receptive_field + width - 1
    waveform = torch.randint(-9000, 9000, (BATCH, length), generator=generator)
    name = next(
        name
        for name, node in OUTPUTS.values()
        if node["_target_"].endswith(type(decoder.output).__name__)
    )
    past = instantiate(TARGETS[name], Target, sample_rate=8000)(waveform.to(torch.int16))
    positions = decoder.chain.layers[0].output_length(length)
    conditioning = torch.randn(
        BATCH, CHANNELS, -(-positions // HOP), generator=generator, dtype=torch.float64
    )
    return past, conditioning, torch.arange(BATCH)


def test_parameters_have_their_shape(decoder):
    parameters = decoder(*inputs(decoder))
    assert parameters.shape == (BATCH, decoder.output.num_parameters, WIDTH)
    assert parameters.isfinite().all()


@torch.no_grad()
def test_prime_and_steps_equal_forward(decoder):
    past, conditioning, speaker = inputs(decoder)
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
def test_no_prediction_reads_its_target_or_what_comes_after(decoder):
    past, conditioning, speaker = inputs(decoder)
    changed = past.clone()
    place = decoder.chain.receptive_field + 4  # the target of prediction 5
    changed[:, place] = past[:, place].roll(1) + 3
    before, after = decoder(past, conditioning, speaker), decoder(changed, conditioning, speaker)
    assert torch.equal(before[..., :5], after[..., :5])
    assert not torch.equal(before[..., 5:], after[..., 5:])


@torch.no_grad()
def test_a_fixed_context_is_all_that_is_read(decoder):
    past, conditioning, speaker = inputs(decoder)
    changed = past.clone()
    changed[:, 0] = past[:, 0].roll(1) + 3
    before, after = decoder(past, conditioning, speaker), decoder(changed, conditioning, speaker)
    assert not torch.equal(before[..., 0], after[..., 0])
    assert torch.equal(before[..., 1:], after[..., 1:]) == decoder.has_fixed_context


@torch.no_grad()
def test_conditioning_and_speaker_matter_and_items_do_not_mix(decoder):
    past, conditioning, speaker = inputs(decoder)
    whole = decoder(past, conditioning, speaker)
    assert not torch.equal(whole, decoder(past, conditioning.roll(1, 0), speaker))
    assert not torch.equal(whole, decoder(past, conditioning, speaker + 1))
    alone = decoder(past[1:2], conditioning[1:2], speaker[1:2])
    torch.testing.assert_close(alone, whole[1:2], rtol=0, atol=1e-10)


def test_a_step_of_training_reaches_every_weight(decoder):
    past, conditioning, speaker = inputs(decoder)
    parameters = decoder.train()(past, conditioning, speaker)
    target = past[:, -WIDTH:]
    decoder.output.nll(parameters, target).sum().backward()
    for name, weight in decoder.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_every_engine_generates_or_says_why_not(names):
    decoder = made(*names).eval()
    past, conditioning, speaker = inputs(decoder)
    history = past[:, : decoder.chain.receptive_field]
    uniforms = torch.rand(BATCH, WIDTH - 1, generator=torch.Generator().manual_seed(2))
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


def test_it_works_without_conditioning():
    for names in PAIRS:
        decoder = made(*names, channels=0)
        past, _, speaker = inputs(decoder)
        nothing = torch.zeros(BATCH, 0, 20)
        assert decoder(past, nothing, speaker).shape[2] == WIDTH
