"""Whole utterances: codes in pieces, codes at their instants, sound from codes."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch
from helpers.configs import BOTTLENECKS, ENCODERS, small

from wavenet_ae.audio import feature_means
from wavenet_ae.engines import Sampling
from wavenet_ae.models import WaveformAutoencoder, build, sampling, utterance
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.utterance import (
    CodeLayout,
    encode_blocks,
    encode_in_chunks,
    encode_utterance,
)

NUM_SAMPLES = 3001


def model(bottleneck: str, encoder: str = "mfcc") -> WaveformAutoencoder:
    torch.manual_seed(0)
    built = build(small(bottleneck, encoder), ["ann", "bob"]).eval()
    assert isinstance(built, WaveformAutoencoder)
    if built.bottleneck.codebook_size:
        built.bottleneck.is_quantizing.fill_(True)
    return built


def recording(num_samples: int = NUM_SAMPLES) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return (3000 * torch.randn(num_samples, generator=generator)).short()


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_pieces_are_the_whole(bottleneck, encoder, monkeypatch):
    """Codes, conditioning and sound, whatever the size of the pieces they are made in."""
    built = model(bottleneck, encoder)
    codes = built.encode(recording(), 8000)
    layout = CodeLayout(built)
    assert codes.shape[-1] == -(-NUM_SAMPLES // layout.hop)
    conditioning = CodeConditioning(built, [{"codes": codes}])
    plan = built.window(codes.shape[-1] * layout.hop)
    assert conditioning.vectors.shape[-1] == plan.num_codes
    whole = built.upsampling(conditioning.vectors)[..., : plan.num_vectors]
    pieces = [conditioning.between(first, first + 7) for first in range(0, plan.num_vectors, 7)]
    assert torch.allclose(torch.cat(pieces, dim=2)[..., : plan.num_vectors], whole, atol=1e-5)

    sound = built.decode(codes[..., :4], "ann")
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 3)
    monkeypatch.setattr(sampling, "SECONDS_AT_ONCE", 0.011)
    again = built.encode(recording(), 8000)
    assert torch.allclose(again.double(), codes.double(), atol=1e-4)
    assert np.array_equal(built.decode(codes[..., :4], "ann"), sound)
    assert sound.dtype == np.int16 and len(sound) == 4 * layout.hop


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("size", [1, 7, 160, 1000, 2999, 5000])
@pytest.mark.parametrize("num_samples", [1, 160, NUM_SAMPLES])
def test_blocks_of_samples_give_the_codes_of_the_whole(encoder, size, num_samples, monkeypatch):
    built, waveform = model("ae", encoder), recording(num_samples)
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 5)
    blocks = [waveform[:0], *waveform.split(size), waveform[:0]]
    whole = encode_utterance(built, waveform)["codes"]
    assert torch.equal(encode_blocks(built, blocks)["codes"], whole)


@pytest.mark.parametrize(("encoder", "passes"), [("mfcc", 1), ("units", 2)])
def test_few_blocks_are_in_memory_at_once(encoder, passes, monkeypatch):
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 5)
    monkeypatch.setattr(feature_means, "FRAMES_AT_ONCE", 5)
    alive: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()
    most = times = 0

    class Blocks:
        def __iter__(self):
            nonlocal most, times
            times += 1
            for _ in range(100):
                block = recording(500)
                alive.add(block)
                most = max(most, len(alive))
                yield block

    built = model("vqvae", encoder)
    assert len(encode_blocks(built, Blocks())["codes"]) == -(-50_000 // CodeLayout(built).hop)
    assert most < 10 and times == passes


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_code_stands_where_its_layout_says(encoder):
    """A click changes codes on both sides of its nearest anchor evenly; where the encoder is
    causal, only those before it whose own frame it is in."""
    built, layout = model("ae", encoder), None
    layout = CodeLayout(built)
    silence = torch.zeros(60 * layout.hop, dtype=torch.int16)
    clicked = silence.clone()
    anchors = layout.anchors(60)
    assert 0 <= anchors[0] < layout.hop and anchors[-1] < len(silence)
    clicked[round(float(anchors[30]))] = 20_000
    codes = [encode_utterance(built, each)["codes"] for each in (clicked, silence)]
    changed = (codes[0] != codes[1]).any(dim=0)
    first, last = changed.nonzero()[[0, -1], 0].tolist()
    if encoder.startswith("causal"):
        assert first == 30 - built.code_chain.lookahead // layout.hop
    else:
        assert (first + last) / 2 == pytest.approx(30, abs=0.5)


def test_a_very_short_recording_has_a_code_and_silence_none_of_its_own():
    built = model("vqvae")
    assert built.encode(np.array([5], dtype=np.int16), 8000).shape == (1,)
    codes = built.encode(np.zeros(4000, dtype=np.int16), 8000)
    assert len(codes.unique()) == 1
    with pytest.raises(ValueError, match="no samples"):
        built.encode(np.zeros(0, dtype=np.int16), 8000)
    with pytest.raises(ValueError, match="one dimension"):
        built.encode(np.zeros((2, 9), dtype=np.int16), 8000)


def test_other_rates_and_floats_are_the_same_recording():
    built = model("ae")
    time = np.arange(8000) / 16_000
    tone = np.sin(2 * np.pi * 440 * time) * 0.3
    whole = built.encode(np.round(tone[::2] * 32768).astype(np.int16), 8000)
    resampled = built.encode(tone.astype(np.float32), 16_000)
    assert resampled.shape == whole.shape
    inner = slice(8, -8)  # away from the ends, where a filter rings
    assert (resampled[:, inner] - whole[:, inner]).abs().max() < 0.05 * whole.abs().max()


def test_the_same_seed_gives_the_same_sound_and_speakers_differ():
    built = model("vqvae")
    codes = built.encode(recording(1500), 8000)
    sound = built.decode(codes, "ann", seed=3)
    assert np.array_equal(built.decode(codes, "ann", seed=3), sound)
    assert not np.array_equal(built.decode(codes, "ann", seed=4), sound)
    assert not np.array_equal(built.decode(codes, "bob", seed=3), sound)
    still = built.decode(codes, sampling=Sampling(temperature=0))
    assert np.array_equal(built.decode(codes, sampling=Sampling(temperature=0), seed=9), still)


def test_a_recording_that_is_read_twice_is_no_iterator():
    waveform = recording()
    with pytest.raises(ValueError, match="read twice: give a list"):
        encode_blocks(model("ae", "units"), iter([waveform]))


def test_the_codes_of_a_recording_are_those_of_training():
    """The encoder is given the mean that a batch of windows would have."""
    built, waveform = model("ae", "units"), recording()
    mean = built.recording_mean([waveform])
    chunk, *rest = encode_in_chunks(built, [waveform])
    latents = chunk["codes"].latents
    assert not rest
    layout, plan = CodeLayout(built), built.window(8 * CodeLayout(built).hop)
    first = -layout.hops.start // layout.hop + 1  # a code whose window lies inside the recording
    start = first * layout.hop - plan.margins[0] + int(layout.hop)
    window = waveform[start : start + plan.slice_length][None]
    of_window = built.latents(window, plan, feature_mean=mean)
    shift = next(
        code
        for code in range(latents.shape[-1])
        if torch.allclose(latents[..., code], of_window[..., 0], atol=1e-4)
    )
    whole = latents[..., shift : shift + of_window.shape[-1]]
    torch.testing.assert_close(of_window[..., : whole.shape[-1]], whole, rtol=0, atol=1e-4)
    assert whole.shape[-1] >= 8
