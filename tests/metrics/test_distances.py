"""Distances and fundamental frequencies with known answers."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, sqrt

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.io import to_int16
from wavenet_ae.data.toy import formants as synthesis
from wavenet_ae.data.toy.source import make_utterance
from wavenet_ae.metrics.distances import (
    Distance,
    cepstral_decibels,
    log_spectral_distance,
    mel_cepstra,
    mel_cepstral_distortion,
)
from wavenet_ae.metrics.f0 import f0, mean_f0

RATES = (8000, 16_000, 22_050)
DISTANCES = (log_spectral_distance, mel_cepstral_distortion)


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return 0.05 * np.random.default_rng(seed).standard_normal(num_samples)


def speech(rate: int) -> np.ndarray:
    """Three seconds of the built-in corpus."""
    rng = np.random.default_rng(3)
    waveform, _ = make_utterance(synthesis.sample_voice(rng), 3 * synthesis.SAMPLE_RATE, rng)
    return resample_poly(waveform, rate, synthesis.SAMPLE_RATE)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("distance", DISTANCES)
def test_identical_waveforms_have_no_distance(distance, rate):
    found = distance(speech(rate), speech(rate), rate)
    assert found.decibels == 0 and found.num_frames > 150


@pytest.mark.parametrize("gain_decibels", [6.02, -6.02, 1.0])
@pytest.mark.parametrize("rate", RATES)
def test_a_gain_is_its_decibels_and_no_cepstral_distance(rate, gain_decibels):
    quiet, loud = noise(rate), noise(rate) * 10 ** (gain_decibels / 20)
    found = log_spectral_distance(quiet, loud, rate)
    assert found.decibels == pytest.approx(abs(gain_decibels), abs=1e-3)
    assert mel_cepstral_distortion(quiet, loud, rate).decibels == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("index", [1, 5, 12])
def test_a_ripple_over_mel_bands_is_its_root_mean_square(index):
    """Kubichek's factor makes decibels of the coefficients; beyond c_12 nothing counts."""
    angle = np.pi * (np.arange(26) + 0.5) / 26
    flat = np.zeros((1, 26))
    neper = np.log(10) / 20  # an amplitude of 1 dB
    ripple = 3 * neper * np.cos(index * angle)[None]
    found = cepstral_decibels(mel_cepstra(flat), mel_cepstra(ripple))
    assert found == pytest.approx(3 / sqrt(2))
    finer = 3 * neper * np.cos(13 * angle)[None]
    assert cepstral_decibels(mel_cepstra(flat), mel_cepstra(finer)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("rate", [8000, 16_000])  # above, an empty band would be compared
def test_rounding_is_nearer_than_mu_law_and_that_than_another_sound(rate):
    original = speech(rate)
    levels = torchaudio.functional.mu_law_encoding(torch.from_numpy(original), 256)
    companded = torchaudio.functional.mu_law_decoding(levels, 256).numpy()
    others = (to_int16(original)[0], companded, noise(len(original)))
    for distance, bounds in zip(DISTANCES, ((1.2, 9, 12), (0.2, 4, 8)), strict=True):
        rounded, coded, unlike = (distance(original, each, rate).decibels for each in others)
        assert 0 < rounded < bounds[0] < coded < bounds[1]
        assert unlike > bounds[2]


@pytest.mark.parametrize("distance", DISTANCES)
def test_silence_of_the_original_is_left_out_and_counted(distance):
    rate = 8000
    sound = np.concatenate([noise(rate), np.zeros(rate)])
    other = np.concatenate([noise(rate), noise(rate, seed=1)])  # noisy where the other is silent
    found = distance(sound, other, rate)
    assert found.num_silent == pytest.approx(100, abs=4) and found.decibels < 0.3
    assert found.num_frames + found.num_silent == 198
    other_way = distance(other, sound, rate)
    assert other_way.num_silent == 0 and other_way.decibels > 3 * found.decibels


@pytest.mark.parametrize("distance", DISTANCES)
def test_silence_and_a_very_short_waveform(distance):
    silent = distance(np.zeros(4000, np.int16), noise(4000), 8000)
    assert isnan(silent.decibels) and silent.num_frames == 0
    assert distance(noise(40), noise(40), 8000) == Distance(0.0, 1, 0)
    with pytest.raises(ValueError, match="cannot be compared"):
        distance(noise(40), noise(41), 8000)


@pytest.mark.parametrize("distance", DISTANCES)
def test_integers_are_what_their_floats_are(distance):
    integers = [to_int16(noise(8000, seed))[0] for seed in (0, 1)]
    floats = [each / 32768 for each in integers]
    assert distance(*integers, 8000) == distance(*floats, 8000)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [80.0, 100.0, 123.4, 180.0, 250.0, 333.0, 480.0])
def test_tones_have_their_frequency(hz, rate):
    seconds = np.arange(rate // 2) / rate
    pulses = sum(np.cos(2 * np.pi * k * hz * seconds) / k for k in range(1, int(rate / 2 / hz)))
    for tone in (np.sin(2 * np.pi * hz * seconds), pulses, 1e-3 * pulses + 1e-5):
        found = f0(tone, rate)
        assert np.isfinite(found).all() and np.abs(found / hz - 1).max() < 0.01
        assert mean_f0(tone, rate) == pytest.approx(hz, rel=0.006)


def test_noise_and_silence_have_no_f0():
    assert isnan(mean_f0(noise(32_000), 8000))
    assert isnan(mean_f0(np.zeros(8000, np.int16), 8000))
    assert isnan(mean_f0(noise(7), 8000)) and not len(f0(noise(319), 8000))
    half = np.concatenate([np.sin(np.arange(8000) * 2 * np.pi / 80), noise(8000)])
    voiced = np.isfinite(f0(half, 8000))
    assert voiced[:90].all() and not voiced[105:].any()


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize("seed", range(6))
def test_voices_of_the_built_in_corpus_have_their_mean(seed, rate):
    """Frication, creaking periods and all: within 2 % of what was synthesized."""
    rng = np.random.default_rng(seed)
    speaker = replace(synthesis.sample_voice(rng), breath=0.02)
    phones = ["b", "aa", "n", "iy", "s", "uw", "l", "eh"] * 3
    durations = synthesis.sample_durations(phones, speaker, rng)
    num_samples = int(durations.sum())
    truth = synthesis._pitch(num_samples, speaker, np.random.default_rng(seed))
    waveform, _ = synthesis.utter(phones, durations, speaker, np.random.default_rng(seed))
    found = mean_f0(resample_poly(waveform, rate, synthesis.SAMPLE_RATE), rate)
    assert found == pytest.approx(truth.mean(), rel=0.02)
