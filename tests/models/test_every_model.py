"""Every encoder with every bottleneck, and the models without either."""

from __future__ import annotations

import itertools

import pytest
import torch
from helpers.configs import BOTTLENECKS, ENCODERS, SPECTROGRAMS, language_model, small
from helpers.feature_means import own_means
from helpers.objectives import batch_of, reconstruction

from wavenet_ae.models import GenerativeModel, build, model_summary
from wavenet_ae.training.step_randomness import StepRandomness
from wavenet_ae.types import Position, Step

PAIRS = [f"{e}-{b}" for e, b in itertools.product(sorted(ENCODERS), sorted(BOTTLENECKS))]
LANGUAGE_MODELS = {"speaker": True, "unconditional": False}
SPEAKERS = ["anna", "bert", "cleo"]
BATCH = 4


def made(name: str) -> GenerativeModel:
    torch.manual_seed(0)
    if name in LANGUAGE_MODELS:
        return build(language_model(speaker_conditioning=LANGUAGE_MODELS[name]), SPEAKERS)
    if name in SPECTROGRAMS:
        return build(SPECTROGRAMS[name], SPEAKERS)
    encoder, bottleneck = name.split("-")
    return build(small(bottleneck, encoder), SPEAKERS)


@pytest.fixture(params=[*PAIRS, *LANGUAGE_MODELS, *SPECTROGRAMS])
def model(request) -> GenerativeModel:
    return made(request.param)


def recording(length: int, batch: int = BATCH) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (3000 * torch.randn(batch, length, generator=generator)).to(torch.int16)


def step_of(model: GenerativeModel, num_codes: int) -> Step:
    bottleneck = getattr(model, "bottleneck", None)
    latent_dim = bottleneck.latent_noise_dim if bottleneck else 0
    copies = bottleneck.samples_per_datapoint if bottleneck else 1
    draws = StepRandomness(3, BATCH, num_codes, latent_dim, copies)
    return draws.step(0, Position(), torch.device("cpu"))


def test_a_training_step_reaches_every_weight(model):
    plan = model.window(4 * int(model.hop) if model.hop > 1 else 300)
    waveform = recording(plan.slice_length)
    mean = own_means(model, waveform)
    model.fit([model.normalize(waveform)[:, plan.encoder_input]], None if mean is None else [mean])
    speaker = torch.tensor([0, 1, 2, 0])
    output = model(waveform, speaker, plan, step_of(model, plan.num_codes), mean)
    levels = model.target(waveform)[:, plan.targets]
    copies = len(output.targets) // BATCH
    assert torch.equal(output.targets, levels.repeat_interleave(copies, dim=0))
    loss = reconstruction()(output, batch_of(plan, BATCH), plan, step=100)
    assert torch.isfinite(loss.total)
    loss.total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_items_of_a_batch_never_meet(model):
    """Permuting the batch permutes the predictions, and a NaN in one item stays there."""
    model.double().eval()
    plan = model.window(3 * int(model.hop) if model.hop > 1 else 200)
    waveform, speaker = recording(plan.slice_length), torch.tensor([0, 1, 2, 0])
    logits = model(waveform, speaker, plan, feature_mean=own_means(model, waveform)).parameters
    order = torch.tensor([2, 0, 3, 1])
    mean = own_means(model, waveform[order])
    permuted = model(waveform[order], speaker[order], plan, feature_mean=mean).parameters
    torch.testing.assert_close(permuted, logits[order], rtol=0, atol=1e-9)


def test_edges_never_leak(model):
    """A window's slice gives the numbers of the whole recording, at several phases."""
    model.double().eval()
    hop = int(model.hop) if model.hop > 1 else 80
    window, whole = model.window(2 * hop), model.window(6 * hop)
    waveform, speaker = recording(whole.slice_length + hop, batch=1), torch.tensor([1])
    mean = own_means(model, waveform)
    for phase in (0, 1, hop // 2, hop - 1):
        shifted = waveform[:, phase : phase + whole.slice_length]
        expected = model(shifted, speaker, whole, feature_mean=mean).parameters
        slice_ = shifted[:, 3 * hop :][:, : window.slice_length]
        part = model(slice_, speaker, window, feature_mean=mean).parameters
        own = slice(3 * hop // window.target_hop, 5 * hop // window.target_hop)
        torch.testing.assert_close(part, expected[..., own], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_what_is_predicted_is_not_read(name):
    """Changing a sample changes no prediction at or before it, and some after it."""
    model = made(name).double().eval()
    plan = model.window(50)
    waveform = recording(plan.slice_length, batch=1)
    changed = waveform.clone()
    changed[0, plan.targets.start + 20] += 5000
    before, after = (
        model(each, torch.tensor([0]), plan).parameters for each in (waveform, changed)
    )
    assert torch.equal(before[..., :21], after[..., :21])
    assert not torch.equal(before[..., 21:], after[..., 21:])


@pytest.mark.parametrize("name", [each for each in SPECTROGRAMS if "ahead" in each])
def test_a_frame_that_is_predicted_ahead_is_not_read(name):
    """Changing what a frame adds to the frame before changes no prediction up to it."""
    model = made(name).double().eval()
    plan = model.window(12 * int(model.hop))
    waveform = recording(plan.slice_length, batch=1)
    hop, frame = plan.target_hop, 7  # of the predicted ones
    before_it = plan.target_input.start + (plan.targets.start + frame - 1) * hop
    added = before_it + model.target.chain.input_length(1)
    changed = waveform.clone()
    changed[:, added:] = 9 * waveform[:, added:].flip(1)  # loud noise
    mean = own_means(model, waveform)
    before, after = (
        model(each, torch.tensor([0]), plan, feature_mean=mean) for each in (waveform, changed)
    )
    assert torch.equal(before.targets[:, :frame], after.targets[:, :frame])
    assert not torch.equal(before.targets[:, frame:], after.targets[:, frame:])
    assert torch.equal(before.parameters[..., : frame + 1], after.parameters[..., : frame + 1])
    assert not torch.equal(before.parameters, after.parameters)


def test_a_language_model_hears_the_speaker_or_does_not():
    for name, is_conditioned in LANGUAGE_MODELS.items():
        model = made(name).eval()
        plan = model.window(10)
        waveform = recording(plan.slice_length, batch=1)
        one, other = (model(waveform, torch.tensor([row]), plan).parameters for row in (0, 1))
        assert torch.equal(one, other) != is_conditioned


def test_the_card_says_what_there_is(model):
    card = model_summary(model, model.window(4 * int(model.hop)))
    assert ("codes/s" in card) == (model.hop > 1)
    assert "receptive field of the decoder" in card and "3 and unknown" in card
