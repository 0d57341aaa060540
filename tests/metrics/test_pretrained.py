"""Metrics by pretrained networks, on sounds of which the answer is known."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from wavenet_ae.metrics import pretrained
from wavenet_ae.metrics.pretrained import (
    dnsmos,
    error_rates,
    missing_packages,
    speaker_similarity,
    transcribe,
)

RATE = 16_000
needs_packages = pytest.mark.skipif(
    bool(missing_packages()), reason=f"not installed: {', '.join(missing_packages())}"
)


@needs_packages
def test_errors_of_texts_are_those_counted_by_hand():
    assert error_rates("Mr. Hale, two boys!", "mister hale 2 boys") == (0, 0)
    assert error_rates("a b c d", "a x c") == (0.5, pytest.approx(3 / 7))
    assert error_rates("yes", "no no no").word == 3
    assert all(isnan(each) for each in error_rates(" ... ", "words"))


@needs_packages
def test_a_voice_is_most_similar_to_itself():
    low, high = (buzz(hz) for hz in (110, 260))
    assert speaker_similarity(low, low, RATE) == pytest.approx(1, abs=1e-5)
    assert speaker_similarity(low, high, RATE) < 0.95


@needs_packages
def test_sounds_without_speech_have_numbers_or_nan_and_no_error():
    silence = np.zeros(RATE, np.int16)
    assert isinstance(transcribe(silence, RATE), str)
    assert 1 <= dnsmos(silence, RATE) <= 5
    assert isnan(dnsmos(silence[:0], RATE))
    assert isnan(speaker_similarity(silence, silence, RATE))


def test_without_their_packages_metrics_are_missing(monkeypatch):
    monkeypatch.setattr(pretrained, "find_spec", lambda name: None)
    assert {"faster-whisper", "Resemblyzer", "speechmos"} <= set(missing_packages())
    sound = buzz(110)
    assert isnan(dnsmos(sound, RATE)) and isnan(speaker_similarity(sound, sound, RATE))


def buzz(hz: float) -> np.ndarray:
    """Two seconds of a train of pulses through two resonances, (T,) int16."""
    from scipy.signal import lfilter

    pulses = np.zeros(2 * RATE)
    pulses[:: round(RATE / hz)] = 1
    for resonance in (600, 1300):
        angle = 2 * np.pi * resonance / RATE
        pulses = lfilter([1], [1, -2 * 0.97 * np.cos(angle), 0.97**2], pulses)
    return np.round(pulses / np.abs(pulses).max() * 12_000).astype(np.int16)
