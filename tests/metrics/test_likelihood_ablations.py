"""Ablations: predictions with shuffled codes, zeroed codes and another speaker."""

from __future__ import annotations

import pytest
import torch
from helpers import configs
from helpers.configs import BOTTLENECKS, small
from torch import Tensor

from wavenet_ae.metrics.likelihood import (
    control_names,
    controls,
    other_speakers,
)
from wavenet_ae.models import GenerativeModel, build
from wavenet_ae.types import ModelOutput

SPEAKERS = ["anna", "bert", "cleo"]
SPEAKER = torch.tensor([0, 2, 3, 1])  # the last but one is unknown


def model_of(bottleneck: str = "ae", **changes) -> GenerativeModel:
    torch.manual_seed(0)
    return build(small(bottleneck, **changes), SPEAKERS).double().eval()


def language_model(speaker_conditioning: bool = True) -> GenerativeModel:
    torch.manual_seed(0)
    config = configs.language_model(speaker_conditioning=speaker_conditioning)
    return build(config, SPEAKERS).double().eval()


@torch.no_grad()
def controlled(model: GenerativeModel) -> tuple[Tensor, ModelOutput, dict[str, ModelOutput]]:
    """A batch of noise (B, T), its own predictions and those of the controls."""
    plan = model.window(3 * int(model.hop) if model.hop > 1 else 200)
    generator = torch.Generator().manual_seed(0)
    shape = (len(SPEAKER), plan.slice_length)
    waveform = torch.randint(-8000, 8000, shape, dtype=torch.int16, generator=generator)
    output = model(waveform, SPEAKER, plan)
    return waveform, output, dict(controls(model, output, waveform, SPEAKER, plan))


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_names_and_shapes(bottleneck):
    model = model_of(bottleneck)
    _, output, others = controlled(model)
    assert tuple(others) == control_names(model)
    assert tuple(others) == ("shuffled_codes", "zeroed_codes", "other_speaker")
    for name, other in others.items():
        assert other.parameters.shape == output.parameters.shape, name
        assert torch.equal(other.targets, output.targets), name
        assert not torch.equal(other.parameters, output.parameters), name


@torch.no_grad()
@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_each_control_replaces_one_thing(bottleneck):
    """Compared item by item with predictions from the inputs that the control should have."""
    model = model_of(bottleneck)
    waveform, output, others = controlled(model)
    own, plan = output.streams["codes"], model.window(3 * int(model.hop))
    next_speaker = [1, 0, 1, 2]
    for item in range(len(SPEAKER)):
        neighbor = own.vectors[[(item + 1) % len(SPEAKER)]]
        here = slice(item, item + 1)
        other = torch.tensor(next_speaker[here])
        expected = {
            "shuffled_codes": (neighbor, SPEAKER[here]),
            "zeroed_codes": (0 * neighbor, SPEAKER[here]),
            "other_speaker": (own.vectors[here], other),
        }
        for name, (vectors, speaker) in expected.items():
            windows = (waveform[here], speaker, plan)
            alone = model.predict({"codes": own}, {"codes": vectors}, *windows)
            torch.testing.assert_close(others[name].parameters[here], alone.parameters)


def test_a_decoder_that_ignores_its_conditioning_has_no_nll_increase():
    model = model_of("vqvae_ema")
    for layer in model.decoder.layers:
        torch.nn.init.zeros_(layer.conditioning.weight)
    _, output, others = controlled(model)
    own = output.nll
    assert torch.equal(others["shuffled_codes"].nll, own)
    assert torch.equal(others["zeroed_codes"].nll, own)
    assert not torch.equal(others["other_speaker"].nll, own)


def test_a_decoder_that_ignores_its_speaker_has_no_nll_increase():
    model = model_of("vqvae_ema")
    for layer in model.decoder.layers:
        torch.nn.init.zeros_(layer.speaker.weight)
    _, output, others = controlled(model)
    assert torch.equal(others["other_speaker"].parameters, output.parameters)


@pytest.mark.parametrize("speaker_conditioning", [True, False])
def test_without_codes_the_only_control_is_the_speaker(speaker_conditioning):
    model = language_model(speaker_conditioning)
    _, output, others = controlled(model)
    assert tuple(others) == control_names(model) == ("other_speaker",)
    is_same = torch.equal(others["other_speaker"].parameters, output.parameters)
    assert is_same is not speaker_conditioning


@pytest.mark.parametrize("num_speakers", [1, 2, 3, 10])
def test_other_speakers_differ_and_are_known_if_there_are_any(num_speakers):
    rows = torch.arange(num_speakers + 1)  # the last is unknown
    others = other_speakers(rows, num_speakers)
    assert not (others == rows).any()
    assert (others < max(num_speakers, 2)).all()
    if num_speakers > 2:
        assert others[:-1].sort().values.tolist() == rows[:-1].tolist(), "each once"


def test_the_only_speaker_is_replaced_by_the_unknown_one():
    assert other_speakers(torch.tensor([0, 1]), 1).tolist() == [1, 0]
