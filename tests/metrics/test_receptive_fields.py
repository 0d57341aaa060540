"""Measured receptive fields agree with the geometry, and a wrong geometry is detected."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.configs import BOTTLENECKS, ENCODERS, MIXTURE, language_model, small
from torch import nn

from wavenet_ae.metrics.receptive_fields import ReceptiveField, measure_receptive_fields
from wavenet_ae.models import GenerativeModel, WaveformAutoencoder, build


def made(config: dict[str, Any]) -> GenerativeModel:
    torch.manual_seed(0)
    return build(config, ["ann", "bob"]).eval()


def autoencoder(*options: str, **changes: Any) -> WaveformAutoencoder:
    model = made(small(*options, **changes))
    assert isinstance(model, WaveformAutoencoder)
    return model


def by_name(model: GenerativeModel) -> dict[str, ReceptiveField]:
    return {each.name: each for each in measure_receptive_fields(model)}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_measured_receptive_fields_agree_with_the_geometry(bottleneck, encoder):
    model = autoencoder(bottleneck, encoder)
    fields = by_name(model)
    assert len(fields) == 4 and all(each.agrees for each in fields.values())
    code = fields["receptive field of a code"].measured
    assert code.last == model.alignment.encoder.lookahead
    assert code.last - code.first + 1 == model.alignment.encoder.receptive_field
    readers = fields["samples conditioned on a code"].measured
    assert readers.last - readers.first + 1 == model.window(1).full_usage


@pytest.mark.parametrize(
    "changes",
    [
        {"decoder": {"kernel": 3}},
        {"decoder": {"layers_per_block": 1}},
        {"target": {"levels": 2}},
        {"target": {"_target_": "wavenet_ae.targets.PCM"}, "decoder": MIXTURE},
    ],
)
def test_other_decoders_agree_too(changes):
    fields = measure_receptive_fields(autoencoder("vqvae", "waveform", **changes))
    assert all(each.agrees for each in fields)


def test_a_language_model_reads_only_the_past():
    model = made(language_model())
    (field,) = measure_receptive_fields(model)
    assert field.agrees and str(field.measured) == "-15 to -1"


def test_the_receptive_field_of_a_model_is_that_of_its_two_measured_parts():
    """A NaN in each sample of a code hop, all the way to the predictions of a bottleneck that
    lets NaN through."""
    model = autoencoder("ae", "waveform")
    hop = int(model.hop)
    plan = model.window(12 * hop)
    levels = torch.zeros(1, plan.decoder_input.stop - plan.decoder_input.start, dtype=torch.int64)
    offsets = set()
    for phase in range(hop):
        marked = plan.targets.start + 6 * hop + phase
        waveform = torch.zeros(1, plan.slice_length)
        waveform[0, marked] = torch.nan
        with torch.no_grad():
            vectors = model.bottleneck(model.encoder(waveform[:, plan.encoder_input])).vectors
            conditioning = model.upsampling(vectors)[..., : plan.num_vectors]
            logits = model.decoder(levels, conditioning, torch.tensor([0]))
        spoilt = logits.isnan().any(dim=1)[0].nonzero()[:, 0]
        offsets |= {marked - plan.targets.start - target for target in spoilt.tolist()}
    through = by_name(model)["receptive field of the decoder through codes"].measured
    assert (min(offsets), max(offsets)) == (through.first, through.last)


def test_a_layer_that_reads_beyond_its_declared_field_is_detected():
    model = autoencoder("vqvae", "mfcc")
    model.encoder.blocks[0].convolution.dilation = (2,)
    model.encoder.shortcut = None
    fields = by_name(model)
    code = fields["receptive field of a code"]
    assert not code.agrees and code.measured.last > code.computed.last
    assert fields["receptive field of the decoder"].agrees


def test_an_upsampling_that_reads_beyond_its_declared_field_is_detected():
    model = autoencoder("vqvae", "mfcc")
    context = model.upsampling.context
    model.upsampling.context = nn.Conv1d(context.in_channels, context.out_channels, 5, padding=1)
    readers = by_name(model)["samples conditioned on a code"]
    assert not readers.agrees and readers.measured.last > readers.computed.last
