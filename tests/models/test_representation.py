"""Representations without a decoder: windows, whole utterances, chunks and roles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.configs import ENCODERS

from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models import (
    CodeModel,
    GenerativeModel,
    Representation,
    build,
    model_summary,
    utterance,
)
from wavenet_ae.models.utterance import CodeLayout, encode_blocks

GRU = {"_target_": "wavenet_ae.nn.context.GRUContext", "dim": 5}
CAUSAL = {
    "_target_": "wavenet_ae.nn.context.CausalContext",
    "dim": 5,
    "kernel": 3,
    "dilations": [1, 2],
}
CONTEXTS: dict[str, Any] = {"none": None, "gru": GRU, "causal": CAUSAL}


def config(context: str = "gru", encoder: str = "mel", **model: Any) -> dict[str, Any]:
    return {
        "sample_rate": 8000,
        "encoder": ENCODERS[encoder],
        "bottleneck": {"_target_": "wavenet_ae.bottlenecks.Identity"},
        "model": {
            "_target_": "wavenet_ae.models.Representation",
            "context": CONTEXTS[context],
            **model,
        },
    }


def made(context: str = "gru", encoder: str = "mel", **model: Any) -> Representation:
    torch.manual_seed(0)
    built = build(config(context, encoder, **model), ["anna", "bert"])
    assert isinstance(built, Representation)
    return built.double().eval()


def noise(num_samples: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (3000 * torch.randn(num_samples, generator=generator)).to(torch.int16)


@pytest.mark.parametrize("encoder", sorted(ENCODERS))
@pytest.mark.parametrize("context", CONTEXTS)
def test_a_window_has_one_latent_and_one_context_for_each_code(context, encoder):
    model = made(context, encoder)
    plan = model.window(6 * int(model.hop))
    waveform = noise(2 * plan.slice_length).view(2, -1)
    mean = model.average_feature_mean(2)
    output = model(waveform, torch.zeros(2, dtype=torch.int64), plan, feature_mean=mean)
    assert output.nll is None and output.parameters is None
    assert output.latents.shape == (2, model.encoder.dim, 6) and plan.num_codes == 6
    if context == "none":
        assert output.context is None
    else:
        assert output.context.shape == (2, 5, 6)
        assert torch.equal(output.streams["codes"].vectors, output.context)
    assert plan.num_samples == 6 * int(model.hop) <= plan.slice_length


def test_it_is_a_code_model_that_generates_nothing():
    model = made()
    assert isinstance(model, CodeModel) and not isinstance(model, GenerativeModel)
    assert not model.speaker_conditioning
    summary = model_summary(model, model.window(4 * int(model.hop)))
    assert "all of the past by its context" in summary and "predicted" not in summary


@pytest.mark.parametrize("code_of", ["latents", "context"])
@pytest.mark.parametrize("context", ["none", "causal"])
def test_windows_give_the_codes_of_the_whole_utterance(context, code_of):
    if context == "none" and code_of == "context":
        pytest.skip("there is no context")
    model = made(context, code_of=code_of)
    hop, layout = int(model.hop), CodeLayout(model)
    samples = noise(40 * hop)
    whole = encode_blocks(model, [samples])["codes"]  # (D, 40)
    plan = model.window(3 * hop)
    start = 20 * hop + layout.hops.start
    window = samples[start : start + plan.slice_length][None]
    output = model(window, torch.zeros(1, dtype=torch.int64), plan)
    assert model.code_has_fixed_context
    torch.testing.assert_close(output.streams["codes"].vectors[0], whole[:, 20:23])


def test_a_gru_reads_the_utterance_from_its_beginning():
    """A window in the middle begins without a state, so that it gives other numbers."""
    model = made("gru")
    hop, layout = int(model.hop), CodeLayout(model)
    samples, plan = noise(40 * hop), model.window(3 * hop)
    whole = encode_blocks(model, [samples])["codes"]
    assert not model.code_has_fixed_context
    for first, is_equal in ((0, True), (20, False)):
        start = first * hop + layout.hops.start
        window = torch.nn.functional.pad(samples, (-layout.hops.start, 0))[
            start - layout.hops.start : start - layout.hops.start + plan.slice_length
        ]
        output = model(window[None], torch.zeros(1, dtype=torch.int64), plan)
        found = torch.allclose(output.streams["codes"].vectors[0], whole[:, first : first + 3])
        assert found == is_equal


@pytest.mark.parametrize("code_of", [None, "latents"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_chunks_give_what_the_whole_utterance_gives(context, code_of, monkeypatch):
    model = made(context, code_of=code_of)
    samples = noise(30 * int(model.hop) + 17)
    whole = encode_blocks(model, [samples])["codes"]
    assert whole.shape[1] == 31
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 4)
    torch.testing.assert_close(encode_blocks(model, samples.split(1000))["codes"], whole)


def test_encode_gives_vectors_and_leaves_the_mode():
    model = made().train()
    sound = noise(4000).numpy()
    one, several = model.encode(sound, 8000), model.encode([sound, sound[:2000]], 8000)
    assert torch.equal(several[0], one) and one.shape[0] == 5
    assert model.training and isinstance(sound, np.ndarray)


def test_a_code_stands_in_the_middle_of_its_hop():
    for context in CONTEXTS:
        layout = CodeLayout(made(context))
        assert abs(layout.anchor - layout.hop / 2) <= 1, context


def test_what_the_bottleneck_reads_must_be_there():
    with pytest.raises(ValueError, match=r"model\.code_of is context, but model\.context is null"):
        made("none", code_of="context")


@pytest.mark.parametrize("code_of", [None, "latents"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_computed_receptive_fields_are_the_measured_ones(context, code_of):
    model = made(context, code_of=code_of)
    fields = measure_receptive_fields(model)
    has_all_of_the_past = context == "gru" and code_of is None
    assert [each.name for each in fields] == ["receptive field of a code"] * (
        not has_all_of_the_past
    )
    assert all(each.agrees for each in fields)
