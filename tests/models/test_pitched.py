"""Units with a pitch beside them: what it is, what it reads, and what the decoder does with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import pitched, small

from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models import PitchedAutoencoder, build, utterance
from wavenet_ae.models.utterance import CodeLayout
from wavenet_ae.training.step_randomness import StepRandomness, StreamSize
from wavenet_ae.types import Position

SPEAKERS, RATE = ["ann", "bob"], 8000


def built(**model) -> PitchedAutoencoder:
    torch.manual_seed(0)
    made = build(pitched(**model), SPEAKERS).eval()
    assert isinstance(made, PitchedAutoencoder)
    if made.bottleneck.codebook_size:
        made.bottleneck.is_quantizing.fill_(True)
    torch.nn.init.normal_(made.pitch.weight)
    return made


def voice(hertz: float, seconds: float = 0.5, amplitude: float = 0.2) -> np.ndarray:
    """Harmonics of a frequency, as int16."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * each * time) / each for each in range(1, 6))
    return (amplitude * 32768 / 2 * wave).astype(np.int16)


@pytest.mark.parametrize("hertz", [80, 120, 199, 240, 480])
def test_the_pitch_of_a_voice_is_its_frequency(hertz):
    model = built(pitch_codes=128)
    codes = model.encode(voice(hertz), RATE)
    middles = (codes["pitch"][2:-2] - 0.5) * model.pitch.interval  # octaves; code 0 is below 75 Hz
    found = 75 * 2**middles
    assert found.numpy() == pytest.approx(hertz, rel=0.02)
    assert codes["units"].shape == (2 * len(codes["pitch"]),)


def test_silence_and_noise_are_unvoiced():
    model = built()
    noise = np.random.default_rng(0).normal(0, 3000, 4000).astype(np.int16)
    for waveform in (np.zeros(4000, np.int16), noise, voice(150, amplitude=0.0005)):
        assert not model.encode(waveform, RATE)["pitch"].any()


def test_a_frame_lies_in_the_middle_of_its_hop():
    """A voice that begins in the middle of a hop's frame is in it, and in no hop long before it."""
    model = built()
    layout = CodeLayout(model, "pitch")
    quiet = np.zeros(10 * layout.hop, np.int16)
    codes = model.encode(np.concatenate([quiet, voice(150)]), RATE)["pitch"].numpy()
    first = int(np.flatnonzero(codes)[0])
    assert abs(layout.anchor + first * layout.hop - len(quiet)) <= layout.hop


@pytest.mark.parametrize("encoder", ["mel", "units"])
def test_streams_read_what_their_chains_say(encoder):
    model = built(encoder=encoder)
    fields = measure_receptive_fields(model)
    assert {"receptive field of a code/pitch", "receptive field of a code/units"} <= {
        each.name for each in fields
    }
    for each in fields:
        assert each.agrees, each


def test_pieces_are_the_whole(monkeypatch):
    model, waveform = built(), np.concatenate([voice(110), voice(300)])
    whole = model.encode(waveform, RATE)
    sound = model.decode(whole, "ann")
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 3)
    for name, each in model.encode(waveform, RATE).items():
        assert torch.equal(each, whole[name]), name
    assert np.array_equal(model.decode(whole, "ann"), sound)
    higher = {**whole, "pitch": (whole["pitch"] + 5).clamp_max(31)}
    assert not np.array_equal(model.decode(higher, "ann"), sound)


def test_units_are_smoothed_and_the_pitch_is_not():
    model, waveform = built(), np.concatenate([voice(110), voice(300)])
    plain, smooth = model.encode(waveform, RATE), model.encode(waveform, RATE, smoothing=3.0)
    assert torch.equal(plain["pitch"], smooth["pitch"])
    assert not torch.equal(plain["units"], smooth["units"])
    assert int(smooth["units"].diff().count_nonzero()) < int(plain["units"].diff().count_nonzero())


def test_units_are_those_of_an_autoencoder_with_the_same_weights():
    model = built()
    plain = build(small("vqvae_ema", "mel"), SPEAKERS).eval()
    for part in ("encoder", "bottleneck"):
        getattr(plain, part).load_state_dict(getattr(model, part).state_dict())
    waveform = voice(150)
    own, others = model.encode(waveform, RATE)["units"], plain.encode(waveform, RATE)
    assert torch.equal(own[: len(others)], others[: len(own)])


def test_a_training_step_reaches_every_part():
    model = built(pitch_codes=2)
    plan = model.window(4 * int(model.hop))
    one = torch.from_numpy(voice(150))[: plan.slice_length]
    waveform = torch.stack([one, torch.zeros_like(one)])
    model.fit([model.normalize(waveform)[:, plan.encoder_input]])
    speaker = torch.tensor([0, 2])
    sizes = {name: StreamSize(each * plan.num_codes) for name, each in (("pitch", 1), ("units", 2))}
    draws = StepRandomness(3, 2, plan.num_codes, 0, 1, streams=sizes)
    step = draws.step(0, Position(), torch.device("cpu"))
    model(waveform, speaker, plan, step).nll.sum().backward()
    for part in (model.pitch, model.encoder, model.bottleneck, model.upsampling, model.decoder):
        assert any(each.grad.abs().sum() > 0 for each in part.parameters()), part
    assert model.pitch.weight.grad.abs().sum(dim=1).gt(0).all()


def test_several_samples_of_a_posterior_have_the_pitch_of_their_item():
    model = built(bottleneck="vae")
    model.bottleneck.samples_per_datapoint = 2
    plan = model.window(4 * int(model.hop))
    waveform = torch.from_numpy(voice(150))[: plan.slice_length][None].repeat(3, 1)
    dims = {"pitch": (1, 0), "units": (2, model.bottleneck.latent_noise_dim)}
    sizes = {name: StreamSize(each * plan.num_codes, dim) for name, (each, dim) in dims.items()}
    draws = StepRandomness(3, 3, plan.num_codes, 0, 2, streams=sizes)
    step = draws.step(0, Position(), torch.device("cpu"))
    output = model.train()(waveform, torch.tensor([0, 1, 2]), plan, step)
    assert output.nll.shape == (6, 4 * int(model.hop))


def test_an_encoder_that_reads_too_little_is_refused():
    with pytest.raises(ValueError, match="model=pitched measures the pitch in 320 samples, of 256"):
        build(pitched(encoder="waveform"), SPEAKERS)
