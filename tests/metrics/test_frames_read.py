"""Sets of frames of every encoder, computed and measured, at every level of a model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.configs import BOTTLENECKS, ENCODERS, small
from helpers.two_streams import PLUGIN, built

from wavenet_ae import instantiate
from wavenet_ae.metrics.frames_read import FrameField, measure_frames_read
from wavenet_ae.models import CodeModel, build


def made(config: dict[str, Any]) -> CodeModel:
    torch.manual_seed(0)
    model = build(config, ["ann", "bob"])
    assert isinstance(model, CodeModel)
    return model.double().eval()


def representation(context: str, **arguments: Any) -> CodeModel:
    node = {"_target_": f"wavenet_ae.nn.context.{context}", "dim": 6, **arguments}
    model = {"_target_": "wavenet_ae.models.Representation", "context": node}
    config = {"sample_rate": 8000, "encoder": ENCODERS["causal"], "model": model}
    return made(config | {"bottleneck": BOTTLENECKS["identity"]})


def by_level(model: CodeModel) -> dict[str, FrameField]:
    return {each.level: each for each in measure_frames_read(model)}


@pytest.mark.parametrize("encoder", sorted(ENCODERS))
def test_measured_sets_are_those_of_the_geometry(encoder):
    """A shortcut leaves the stack at 0: its gradient reaches fewer frames, never others."""
    model = made(small("vqvae", encoder))
    fields = by_level(model)
    assert list(fields) == ["latents", "vectors"]
    latents, vectors = fields.values()
    assert latents.by_nan == latents.computed == vectors.computed and vectors.by_nan is None
    for field in fields.values():
        assert not field.leaks and not field.unread
        is_linear = getattr(getattr(model.encoder, "encoder", model.encoder), "shortcut", None)
        assert field.by_gradient and (field.by_gradient == field.computed) == (is_linear is None)
        assert field.gradient.shape == (model.encoder.features.dim, len(field.frames))
        assert field.span == (
            -model.encoder.chain.receptive_field + 1 + model.encoder.chain.lookahead,
            model.encoder.chain.lookahead,
        )


def test_frames_count_from_the_last_one_before_the_output():
    causal = by_level(made(small("vqvae", "causal")))["latents"]
    assert max(causal.computed) == 0 and causal.instants.anchor(0) == 0
    centered = by_level(made(small("vqvae", "units")))["latents"]
    assert min(centered.computed) < 0 < max(centered.computed)
    assert -centered.instants.spacing < centered.instants.anchor(0) <= 0


@pytest.mark.parametrize("quantizer", ["vqvae", "vqvae_ema", "fsq", "rvq", "lfq", "simvq", "rfsq"])
def test_the_gradient_of_a_code_is_that_of_its_estimator(quantizer):
    model = made(small(quantizer, "causal"))
    model.bottleneck.is_quantizing.fill_(True)
    vectors = by_level(model)["vectors"]
    assert vectors.by_gradient == vectors.computed


def test_a_context_of_convolutions_reads_a_set_and_a_recurrent_one_all_of_the_past():
    fields = by_level(representation("CausalContext", kernel=2, dilations=[2]))
    latents, context = fields["latents"], fields["context"]
    assert context.computed == latents.computed | {frame - 4 for frame in latents.computed}
    assert context.by_nan == context.by_gradient == context.computed
    recurrent = by_level(representation("GRUContext"))["context"]
    assert recurrent.computed is recurrent.span is recurrent.by_nan is None
    assert min(recurrent.by_gradient) == recurrent.frames.start  # the first there is
    assert max(recurrent.by_gradient) == 0 and not recurrent.leaks


@pytest.mark.parametrize("encoder", ["mfcc", "causal"])
def test_each_stream_of_codes_has_levels(encoder, monkeypatch):
    """A code of the top reads what both codes of the bottom in its hop read."""
    monkeypatch.setattr(instantiate, "plugin_packages", lambda: PLUGIN)
    model = built("rvq", encoder).double()
    fields = by_level(model)
    assert list(fields) == ["latents", "latents/top", "vectors/top", "vectors/bottom"]
    top, bottom = fields["latents/top"], fields["vectors/bottom"]
    assert top.by_nan == top.computed == fields["vectors/top"].computed
    assert bottom.computed == fields["latents"].computed and bottom.by_nan is None
    assert top.span[1] - top.span[0] == bottom.span[1] - bottom.span[0] + model.stream("bottom").hop
    for field in fields.values():
        assert field.by_gradient and not field.leaks and not field.unread


def test_a_leak_and_a_lost_frame_are_found():
    model = made(small("vqvae", "causal"))

    def look_ahead(_module, inputs):
        frames, *others = inputs
        return (frames.roll(-1, dims=-1), *others)

    handle = model.encoder.stacks.register_forward_pre_hook(look_ahead)
    latents = by_level(model)["latents"]
    handle.remove()
    assert latents.leaks == {1} and latents.unread == {min(latents.computed)}
