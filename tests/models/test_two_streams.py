"""A model with two streams of codes, at different rates and of different codebooks, in Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.two_streams import PLUGIN, built

from wavenet_ae import instantiate
from wavenet_ae.errors import ArgumentError
from wavenet_ae.metrics.likelihood import control_names, controls
from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models import model_summary, sampling, utterance
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.utterance import CodeLayout, HopLayout, encode_utterance

NUM_SAMPLES = 3001
BOTTOMS = ("vqvae_ema", "rvq", "ae", "vae")


@pytest.fixture(autouse=True)
def plugin(monkeypatch):
    monkeypatch.setattr(instantiate, "plugin_packages", lambda: PLUGIN)


def noise(num_samples: int = NUM_SAMPLES, seed: int = 0) -> np.ndarray:
    return (3000 * np.random.default_rng(seed).standard_normal(num_samples)).astype(np.int16)


@pytest.mark.parametrize("bottom", BOTTOMS)
def test_pieces_are_the_whole(bottom, monkeypatch):
    """Codes and sound, whatever the size of the pieces that they are made in."""
    model = built(bottom)
    codes = model.encode(noise(), 8000)
    num_hops = -(-NUM_SAMPLES // int(model.hop))
    assert codes["top"].shape == (num_hops,) and codes["bottom"].shape[-1] == 2 * num_hops
    first = {name: each[..., : 2 * (1 + (name == "bottom"))] for name, each in codes.items()}
    sound = model.decode(first, "ann")
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 3)
    monkeypatch.setattr(sampling, "SECONDS_AT_ONCE", 0.011)
    again = model.encode(noise(), 8000)
    for name, each in codes.items():
        assert torch.allclose(again[name].double(), each.double(), atol=1e-4), name
    assert np.array_equal(model.decode(first, "ann"), sound)
    assert len(sound) == 2 * int(model.hop)


def test_a_batch_is_its_utterances_one_by_one():
    model, waveforms = built(), [noise(900, 1), noise(161, 2)]
    codes = model.encode(waveforms, 8000)
    sounds = model.decode(codes, ["ann", None], seed=3)
    for sound, own, waveform, speaker in zip(sounds, codes, waveforms, ("ann", None), strict=True):
        alone = model.encode(waveform, 8000)
        assert all(torch.equal(alone[name], own[name]) for name in ("top", "bottom"))
        assert np.array_equal(sound, model.decode(own, speaker, seed=3))


def test_a_window_is_generated_from_what_it_was_trained_on():
    """The conditioning of a whole utterance is that of a window that reads all of it."""
    model = built("ae")
    layout, waveform = HopLayout(model), torch.from_numpy(noise(10 * int(model.hop)))
    conditioning = CodeConditioning(model, [encode_utterance(model, waveform)])
    plan = model.window(10 * layout.hop)
    padded = torch.nn.functional.pad(waveform, plan.margins)
    samples = model.normalize(padded[plan.encoder_input])[None]
    with torch.no_grad():
        encoded, _ = model.encode_hops(samples)
        vectors = {name: each.output.vectors for name, each in encoded.items()}
        whole = model.upsampling(model.combine(vectors))[..., : plan.num_vectors]
    inner = slice(plan.num_vectors // 3, plan.num_vectors // 2)  # reads none of the silence
    given = conditioning.between(0, plan.num_vectors)
    torch.testing.assert_close(given[..., inner], whole[..., inner], rtol=0, atol=1e-5)
    assert not torch.allclose(whole[..., inner], whole[..., inner.start + 1 : inner.stop + 1])


def test_codes_of_a_hop_stand_around_its_middle():
    model = built("ae")
    top, bottom = (CodeLayout(model, name) for name in ("top", "bottom"))
    assert (top.hop, bottom.hop) == (320, 160)
    pairs = np.array([float(each) for each in bottom.anchors(20)]).reshape(10, 2)
    assert pairs.mean(axis=1).tolist() == [float(each) for each in top.anchors(10)]
    assert 0 <= pairs[0, 0] < 320
    with pytest.raises(KeyError, match="codes"):
        CodeLayout(model)  # for none of them


def test_computed_receptive_fields_are_the_measured_ones():
    fields = measure_receptive_fields(built("rvq"))
    assert {each.name for each in fields} >= {
        f"receptive field of a code/{stream}" for stream in ("top", "bottom")
    }
    assert all(each.agrees for each in fields)


def test_the_summary_has_rows_of_each_stream():
    model = built()
    summary = model_summary(model, model.window(2 * int(model.hop)))
    assert "codes, top" in summary and "25 codes/s, 4 of them: 50 bit/s nominal" in summary
    assert "codes, bottom" in summary and "50 codes/s, 8 of them: 150 bit/s nominal" in summary


@torch.no_grad()
def test_controls_replace_the_codes_of_all_streams_and_of_each():
    model = built()
    plan = model.window(2 * int(model.hop))
    waveform = torch.from_numpy(noise(3 * plan.slice_length)).reshape(3, -1)
    speaker = torch.tensor([0, 1, 2])
    own = model(waveform, speaker, plan)
    found = dict(controls(model, own, waveform, speaker, plan))
    assert tuple(found) == control_names(model)
    streams = [f"shuffled_codes/{each}" for each in ("top", "bottom")]
    assert tuple(found) == ("shuffled_codes", *streams, "zeroed_codes", "other_speaker")
    vectors = {name: each.vectors for name, each in own.streams.items()}
    for stream in ("top", "bottom"):
        other = {**vectors, stream: vectors[stream].roll(-1, dims=0)}
        expected = model.predict(own.streams, other, waveform, speaker, plan)
        torch.testing.assert_close(found[f"shuffled_codes/{stream}"].nll, expected.nll)


def test_each_stream_is_smoothed_by_itself():
    model = built()
    codes, smooth = model.encode(noise(), 8000), model.encode(noise(), 8000, smoothing=3)
    for name in ("top", "bottom"):
        changes = [int((each[name][1:] != each[name][:-1]).sum()) for each in (codes, smooth)]
        assert changes[1] < changes[0], name
    with pytest.raises(ArgumentError, match="the bottleneck AE gives vectors, not codes"):
        built("ae").encode(noise(), 8000, smoothing=3)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda codes: codes["top"], r"codes is Tensor, but this model has the streams top, bott"),
        (lambda codes: {"top": codes["top"]}, r"codes is the keys \['top'\], but this model has"),
        (lambda codes: {**codes, "bottom": codes["bottom"][:-1]}, "bottom must have 20"),
        (lambda codes: {**codes, "top": codes["top"] + 9}, r"codes\['top'\] has the code 1\d"),
        (lambda codes: [codes, {}], r"codes\[1\] is the keys \[\]"),
    ],
)
def test_what_cannot_be_a_models_codes_is_not_decoded(change, expected):
    model = built()
    with pytest.raises(ArgumentError, match=expected):
        model.decode(change(model.encode(noise(), 8000)))
