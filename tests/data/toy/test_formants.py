"""The spectrum of synthetic speech shows what the phones and the voice prescribe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wavenet_ae.data.toy.formants import (
    SAMPLE_RATE,
    Segment,
    Voice,
    sample_durations,
    sample_voice,
    utter,
)
from wavenet_ae.data.toy.phones import LABELS, PHONES

SPEAKER = Voice(
    formant_scale=1.0,
    formant_shift=np.ones((len(PHONES), 3)),
    higher_hz=(3500.0, 4500.0),
    pitch_hz=100.0,
    pitch_range=0.0,
    tilt_db=-6.0,
    breath=0.001,
    jitter=0.0,
    bandwidth=1.0,
    rate=1.0,
)


def say(phones: str, milliseconds: int, speaker: Voice = SPEAKER) -> dict[str, np.ndarray]:
    """The waveform of each phone, all equally long."""
    names = phones.split()
    durations = np.full(len(names), milliseconds * SAMPLE_RATE // 1000)
    waveform, segments = utter(names, durations, speaker, np.random.default_rng(0))
    return {each.phone: waveform[each.begin : each.end] for each in segments}


def spectrum(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hz and power."""
    power = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))) ** 2
    return np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE), power


def centroid(waveform: np.ndarray, low: float = 0, high: float = 8000) -> float:
    hz, power = spectrum(waveform)
    inside = (hz >= low) & (hz < high)
    return float((hz * power)[inside].sum() / power[inside].sum())


def strongest(waveform: np.ndarray, low: float, high: float) -> float:
    hz, power = spectrum(waveform)
    inside = (hz >= low) & (hz < high)
    return float(hz[inside][power[inside].argmax()])


def level_db(waveform: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(waveform**2) + 1e-12))


def test_there_are_33_labels_and_silence_is_one() -> None:
    assert len(LABELS) == len(set(LABELS)) == 33
    assert "sil" in LABELS


def test_segments_tile_the_waveform_with_the_durations_asked_for() -> None:
    rng = np.random.default_rng(0)
    phones = list(LABELS)
    durations = sample_durations(phones, SPEAKER, rng)
    waveform, segments = utter(phones, durations, SPEAKER, rng)
    ends = np.cumsum(durations).tolist()
    expected = zip([0, *ends[:-1]], ends, phones, strict=True)
    assert segments == [Segment(*each) for each in expected]
    assert waveform.shape == (ends[-1],) and waveform.dtype == np.float32
    assert np.isfinite(waveform).all()
    assert np.mean(waveform**2) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(("phone", "first", "second"), [("aa", 730, 1090), ("iy", 270, 2290)])
def test_vowels_have_their_formants(phone: str, first: float, second: float) -> None:
    vowel = say(f"sil {phone} sil", 400)[phone]
    # Harmonics are 100 Hz apart, so a formant is found to within half of that.
    assert strongest(vowel, 150, (first + second) / 2) == pytest.approx(first, abs=75)
    assert strongest(vowel, (first + second) / 2, 2.6 * second - 1300) == pytest.approx(
        second, abs=75
    )


def test_a_shorter_vocal_tract_scales_the_formants() -> None:
    vowel = say("sil iy sil", 400, replace(SPEAKER, formant_scale=1.2))["iy"]
    assert strongest(vowel, 1500, 3100) == pytest.approx(1.2 * 2290, abs=75)


@pytest.mark.parametrize("pitch", [90.0, 123.0, 230.0])
def test_voices_have_their_pitch(pitch: float) -> None:
    vowel = say("sil ah sil", 500, replace(SPEAKER, pitch_hz=pitch))["ah"]
    correlation = np.correlate(vowel, vowel, "full")[len(vowel) - 1 :]
    period = 40 + correlation[40:300].argmax()  # 53 to 400 Hz
    assert SAMPLE_RATE / period == pytest.approx(pitch, rel=0.05)


@pytest.mark.parametrize("phone", ["s", "sh", "z", "zh"])
def test_fricatives_have_their_noise(phone: str) -> None:
    noise = say(f"aa {phone} iy", 300)[phone][1600:3200]
    expected = PHONES[phone].center_hz
    assert centroid(noise, 1000) == pytest.approx(expected, rel=0.08)


def test_voiceless_phones_have_no_harmonics_and_voiced_ones_do() -> None:
    def below_400(phone: str) -> float:
        hz, power = spectrum(say(f"aa {phone} aa", 300)[phone][800:-800])
        return float(power[hz < 400].sum() / power.sum())

    assert below_400("z") > 0.5 > 0.02 > below_400("s")


def test_nasals_have_their_antiresonance() -> None:
    def heard_at(phone: str, hz: float) -> float:
        frequency, power = spectrum(say(f"aa {phone} aa", 300)[phone][800:-800])
        return level_db(np.sqrt(power[np.abs(frequency - hz) < 200]))

    # Against the other nasal, which has its own elsewhere.
    assert heard_at("m", 900) < heard_at("n", 900) - 5


def test_stops_close_and_then_burst() -> None:
    said = say("aa t aa", 100)
    parts = np.split(said["t"], [320, 800, 1200])  # the voice dies, closure, burst, release
    assert level_db(parts[1]) < level_db(said["aa"]) - 30
    assert level_db(parts[2]) > level_db(parts[1]) + 15
    assert centroid(parts[2]) == pytest.approx(PHONES["t"].center_hz, rel=0.2)


def test_silence_is_silent() -> None:
    said = say("aa sil iy", 200)
    assert level_db(said["sil"][1600:-400]) < level_db(said["iy"]) - 40


def test_a_short_vowel_does_not_reach_its_target() -> None:
    def second_formant(milliseconds: int) -> float:
        vowel = say("w iy w", milliseconds)["iy"]
        middle = len(vowel) // 2  # of which 40 ms are measured
        return centroid(vowel[middle - 320 : middle + 320], 700, 2700)

    # Filters are smoothed over 56 ms, which does not reach the middle of the 120 ms: what is
    # missing there is the undershoot of the target itself.
    assert second_formant(300) > second_formant(120) + 60
    assert second_formant(120) > second_formant(50) + 300


def test_all_randomness_comes_from_the_generator() -> None:
    def said(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        speaker = sample_voice(rng)
        phones = ["sil", "s", "aa", "t", "iy"]
        return utter(phones, sample_durations(phones, speaker, rng), speaker, rng)[0]

    np.testing.assert_array_equal(said(0), said(0))
    assert len(said(0)) != len(said(1)) or (said(0) != said(1)).any()


def test_speakers_differ_and_are_human() -> None:
    speakers = [sample_voice(np.random.default_rng(seed)) for seed in range(200)]
    scales = np.array([speaker.formant_scale for speaker in speakers])
    pitches = np.array([speaker.pitch_hz for speaker in speakers])
    assert scales.min() >= 0.9 and scales.max() <= 1.25 and np.ptp(scales) > 0.25
    assert pitches.min() >= 75 and pitches.max() <= 280 and np.ptp(pitches) > 120
    assert np.corrcoef(scales, pitches)[0, 1] > 0.5  # short vocal tracts have short vocal folds


def test_durations_follow_the_rate_and_are_never_too_short() -> None:
    phones = ["dh"] * 2000
    slow, fast = (
        sample_durations(phones, replace(SPEAKER, rate=rate), np.random.default_rng(0))
        for rate in (0.8, 1.6)
    )
    assert fast.min() >= 0.02 * SAMPLE_RATE
    assert slow.mean() / fast.mean() == pytest.approx(2, rel=0.05)
