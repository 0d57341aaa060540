"""The causal VQ-VAE-2: two streams of codes, in bands of frequency or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import ENCODERS, hierarchy
from helpers.objectives import batch_of

from wavenet_ae.metrics.frames_read import measure_frames_read
from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models import HierarchicalAutoencoder, build, model_summary, utterance
from wavenet_ae.models.utterance import CodeLayout, HopLayout, encode_utterance
from wavenet_ae.objectives import BottleneckLosses, Objective, Reconstruction
from wavenet_ae.training.step_randomness import StepRandomness, StreamSize
from wavenet_ae.types import Position

STREAMS = ("top", "bottom")
SETTINGS = {
    "bands": {},
    "bands, time kept": {"top_stride": 1},
    "bands of residual codes, few instants": {
        "bottleneck": "rvq",
        "top_stride": 4,
        "top_kernel": 5,
    },
    "no bands": {"encoder": "causal"},
}


def made(**settings) -> HierarchicalAutoencoder:
    """A model with random weights, whose codebooks are clusters of what it makes of noise."""
    torch.manual_seed(0)
    config = hierarchy(**settings)
    if "init" in config["bottleneck"]:
        config["bottleneck"] = {**config["bottleneck"], "init": "kmeans"}
    model = build(config, ["ann", "bob"]).eval()
    assert isinstance(model, HierarchicalAutoencoder)
    shape = (1, model.code_chain.input_length(30))
    samples = 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    model.fit([samples])
    for stream in model.code_streams:
        if not stream.bottleneck.is_quantizing:
            stream.bottleneck.begin_quantizing(
                model.encode_hops(samples)[0][stream.name].latents, 0
            )
    return model


@pytest.fixture(params=SETTINGS)
def model(request) -> HierarchicalAutoencoder:
    return made(**SETTINGS[request.param])


def noise(num_samples: int = 3001) -> np.ndarray:
    return (3000 * np.random.default_rng(0).standard_normal(num_samples)).astype(np.int16)


def test_a_training_step_reaches_every_weight(model):
    plan = model.window(4 * int(model.hop))
    batch = batch_of(plan, 4)
    sizes = {
        each.name: StreamSize(plan.num_codes * each.codes_per_hop) for each in model.code_streams
    }
    randomness = StepRandomness(3, 4, plan.num_codes, 0, 1, streams=sizes)
    step = randomness.step(0, Position(), torch.device("cpu"))
    output = model.train()(batch.waveform, torch.tensor([0, 1, 2, 0]), plan, step)
    losses = BottleneckLosses(dict.fromkeys(STREAMS, "mean"))
    objective = Objective({"reconstruction": Reconstruction(), "bottleneck": losses})
    objective(output, batch, plan, 100).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_pieces_and_windows_have_the_codes_of_the_whole(model, monkeypatch):
    codes = model.double().encode(noise(), 8000)
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 3)
    again = model.encode(noise(), 8000)
    for name in STREAMS:
        assert torch.equal(codes[name], again[name]), name
        assert len(codes[name].unique()) > 2, name
    num_hops, layout = codes["top"].shape[-1], HopLayout(model)
    plan = model.window(num_hops * layout.hop)
    whole = torch.zeros(num_hops * layout.hop, dtype=torch.int16)
    whole[: len(noise())] = torch.from_numpy(noise())
    padded = torch.nn.functional.pad(whole, plan.margins)[None]
    streams = model(padded, torch.tensor([0]), plan).streams
    for stream in model.code_streams:
        first = layout.before * stream.codes_per_hop
        own = codes[stream.name]
        in_window = streams[stream.name].codes[0][..., first : first + own.shape[-1]]
        assert torch.equal(own[..., : in_window.shape[-1]], in_window), stream.name
        assert own.shape[-1] == num_hops * stream.codes_per_hop


def test_no_code_and_nothing_below_it_looks_ahead(model):
    """What comes later changes no code, and each reads exactly what its geometry says."""
    fields = measure_frames_read(model.double())
    assert {each.level for each in fields} >= {f"latents/{stream}" for stream in STREAMS}
    assert not any(each.leaks or each.unread for each in fields)
    assert all(max(each.computed) == 0 for each in fields)
    assert all(each.agrees for each in measure_receptive_fields(model))
    waveform, later = torch.from_numpy(noise()), noise()
    later[2000:] = -later[2000:]
    before, after = (encode_utterance(model, each) for each in (waveform, torch.tensor(later)))
    for stream in model.code_streams:
        anchors = CodeLayout(model, stream.name).anchors(before[stream.name].shape[-1])
        known = sum(anchor + stream.chain.lookahead < 2000 for anchor in anchors)
        same = before[stream.name][..., :known] == after[stream.name][..., :known]
        assert known > 3 and same.all(), stream.name


def test_a_bottom_code_says_what_the_top_code_has_not(model):
    """Both streams are chosen by the waveform, and the bottom stream by the top one too."""
    samples = 0.1 * torch.randn(1, model.code_chain.input_length(6))
    before, _ = model.encode_hops(samples)
    with torch.no_grad():
        for parameter in model.top_decoder.parameters():
            parameter.zero_()
    after, _ = model.encode_hops(samples)
    assert torch.equal(before["top"].codes, after["top"].codes)
    assert not torch.allclose(before["bottom"].latents, after["bottom"].latents)


def test_sound_is_made_of_both_streams(model):
    codes = model.encode(noise(), 8000)
    sound = model.decode(codes, "ann", seed=2)
    assert len(sound) == codes["top"].shape[-1] * int(model.hop) and sound.std() > 0
    for name in STREAMS:
        other = {**codes, name: (codes[name] + 1) % 8}
        assert not np.array_equal(sound, model.decode(other, "ann", seed=2)), name


def test_the_summary_says_bands():
    model = made(bottleneck="rvq")
    text = model_summary(model, model.window(2 * int(model.hop)))
    assert "50 codes/s, in each of 2 bands 3 codebooks of 8: 900" in text
    assert "100 codes/s, in each of 4 bands 3 codebooks of 8: 3600" in text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "mfcc"}, "ConvolutionalEncoder does, by its layer deltas: set encoder=causal"),
        (
            {"encoder": "units"},
            "no later frame, but ConvolutionalEncoder does, by its layer encoder",
        ),
        ({"top_stride": 4}, "top_stride is 4, but model.top_kernel 3: no top code would read 1 of"),
        ({"bottleneck": "vae"}, "codes at both levels, but VAE gives vectors"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        made(**settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"features": {**ENCODERS["causal_2d"]["features"], "num_mels": 12}},
            "halves the bands of the latents, but there are 3: change encoder.features.num_mels",
        ),
        ({"num_halvings": 5}, "num_mels=16 is not a multiple of 32"),
        ({"stride": 3}, "encoder.stride is 3, but encoder.kernel 2"),
        ({"features": ENCODERS["mfcc"]["features"]}, "deltas of MFCC read 4 frames ahead"),
    ],
)
def test_an_encoder_that_does_not_fit_is_refused_by_name(changes, message):
    config = hierarchy()
    config["encoder"] = {**config["encoder"], **changes}
    with pytest.raises(ValueError, match=message):
        build(config, [])


def test_the_top_stream_may_have_its_own_bottleneck():
    top = {"_target_": "wavenet_ae.bottlenecks.FSQ", "levels": [3, 3, 3]}
    model = made(top=top)
    assert [each.bottleneck.codebook_size for each in model.code_streams] == [27, 8]
    output, _ = model.encode_hops(torch.randn(1, model.code_chain.input_length(3)))
    assert 8 < output["top"].codes.max() < 27


@pytest.mark.parametrize("top_stride", [1, 2, 4])
@torch.no_grad()
def test_the_next_frame_is_predicted_from_samples_before_it_adds_any(top_stride):
    config = hierarchy(top_stride=top_stride, top_kernel=5)
    torch.manual_seed(0)
    model = build(config | {"decoder": {**config["decoder"], "offset": 1}}, ["ann"]).eval()
    assert model.alignment.least_honest_delay <= 1
    for stream in model.code_streams:
        stream.bottleneck.is_quantizing.fill_(False)  # so that the least change is seen
    plan = model.window(12 * model.alignment.target_hop * top_stride)
    waveform = torch.from_numpy(noise(plan.slice_length))[None]
    predicted = 5  # of the window's targets
    before = model.target.chain.input_range(range(plan.targets.start + predicted))
    changed = waveform.clone()
    changed[:, plan.target_input][:, before.stop :] += 999
    one, other = (model(each, torch.tensor([0]), plan).parameters for each in (waveform, changed))
    assert torch.equal(one[..., : predicted + 1], other[..., : predicted + 1])
    assert not torch.equal(one[..., predicted + 1 :], other[..., predicted + 1 :])
