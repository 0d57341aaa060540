"""Source-filter formant synthesizer that returns the exact time of every phone.

    pitch -> pulses --*voicing-->(+)--> formants, nasal zero -->(+)--> waveform
                 noise --*breath--^                              |
                 noise --*frication----------> a noise band -----^

The source is made sample by sample. The filters change every HOP samples and are applied to
overlapping Hann windows in the frequency domain. Formant targets are blended with those of their
neighbors, the more the shorter a phone is (Lindblom 1963, "Spectrographic study of vowel
reduction"), and then smoothed, so that no two instances of a phone are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter1d

from wavenet_ae.data.toy.phones import LABELS, PHONES, Phone

SAMPLE_RATE = 16_000
HOP = 128  # samples from one filter to the next: 8 ms
NUM_BINS = 512  # Fourier transform of a window of 2 * HOP and as much for the filter's tail
FREQUENCY_HZ = np.arange(NUM_BINS // 2 + 1, dtype=np.float32) * SAMPLE_RATE / NUM_BINS
BANDWIDTHS_HZ = (70.0, 100.0, 150.0, 220.0, 300.0)
UNDERSHOOT_MS = 45.0  # at this duration, undershoot is 1/e of that at duration 0
NEUTRAL_HZ = np.array([500.0, 1500.0, 2500.0])  # formants of a uniform tube, closed at one end
_NUMBER = {name: number for number, name in enumerate(LABELS)}


@dataclass(frozen=True)
class Voice:
    """Parameters of a synthetic voice.

    Attributes:
        formant_scale: Factor of all formants, the inverse of the vocal tract's relative length.
        formant_shift: `(phones, 3)`, this voice's own factors for the formants of every phone.
        higher_hz: F4 and F5, before scaling.
        pitch_hz: Pitch at the end of an utterance.
        pitch_range: Range of the pitch, in log Hz.
        tilt_db: Level of the source per octave above 200 Hz, negative.
        breath: Level of the noise that is mixed into the voice.
        jitter: Relative deviation of single periods; their levels deviate five times as much.
        bandwidth: Factor of all bandwidths.
        rate: Speaking rate; 1 is average.
    """

    formant_scale: float
    formant_shift: np.ndarray
    higher_hz: tuple[float, float]
    pitch_hz: float
    pitch_range: float
    tilt_db: float
    breath: float
    jitter: float
    bandwidth: float
    rate: float


def sample_voice(rng: np.random.Generator) -> Voice:
    """Samples a random adult voice from two overlapping groups, of long and short vocal tracts."""
    short = rng.random() < 0.5
    scale = rng.normal(1.13, 0.045) if short else rng.normal(0.99, 0.045)
    pitch = rng.normal(205, 28) if short else rng.normal(115, 20)
    return Voice(
        formant_scale=float(np.clip(scale, 0.9, 1.25)),
        formant_shift=np.exp(rng.normal(0, 0.04, (len(PHONES), 3))),
        higher_hz=(rng.normal(3500, 150), rng.normal(4500, 200)),
        pitch_hz=float(np.clip(pitch, 75, 280)),
        pitch_range=rng.uniform(0.08, 0.3),
        tilt_db=rng.uniform(-13, -7),
        breath=float(np.exp(rng.uniform(np.log(0.01), np.log(0.06)))),
        jitter=rng.uniform(0.002, 0.015),
        bandwidth=rng.uniform(0.8, 1.5),
        rate=rng.uniform(0.8, 1.2),
    )


@dataclass(frozen=True)
class Segment:
    """Phone from sample `begin` to sample `end`, exclusive."""

    begin: int
    end: int
    phone: str


def sample_durations(phones: Sequence[str], speaker: Voice, rng: np.random.Generator) -> np.ndarray:
    """Samples durations of phones; short phones will be reduced, see `utter`.

    Args:
        phones: Names of the phones.
        speaker: The voice.
        rng: Source of the random choices.

    Returns:
        `(phones,)` int64 samples, at least 20 ms each.
    """
    mean = np.array([PHONES[phone].milliseconds for phone in phones]) / speaker.rate
    milliseconds = np.maximum(20, mean * np.exp(rng.normal(0, 0.28, len(phones))))
    return (milliseconds * SAMPLE_RATE / 1000).astype(np.int64)


def utter(
    phones: Sequence[str], durations: np.ndarray, speaker: Voice, rng: np.random.Generator
) -> tuple[np.ndarray, list[Segment]]:
    """Synthesizes phones.

    Args:
        phones: Names of the phones.
        durations: `(phones,)` samples.
        speaker: The voice.
        rng: Source of the random choices.

    Returns:
        The waveform `(samples,)` float32 of root mean square 1, and the segments that tile it.

    Raises:
        KeyError: If a phone is not in PHONES.
    """
    ends = np.cumsum(durations)
    pitch = _pitch(int(ends[-1]), speaker, rng)
    voiced, frication = _sources(phones, durations, pitch, speaker, rng)
    tract, band = _filters(phones, durations, speaker)
    waveform = _filtered(voiced, tract) + _filtered(frication, band)
    waveform /= np.sqrt(np.mean(waveform**2)) + 1e-9
    times = zip(ends - durations, ends, phones, strict=True)
    return waveform, [Segment(int(begin), int(end), phone) for begin, end, phone in times]


def _pitch(num_samples: int, speaker: Voice, rng: np.random.Generator) -> np.ndarray:
    """Returns a pitch `(samples,)` in Hz: a falling line with two slow waves and a random walk."""
    time = np.linspace(0, 1, num_samples // HOP + 2)
    waves = [rng.normal(0, 0.4) * np.sin(2 * np.pi * (n * time + rng.random())) for n in (1.3, 3.1)]
    flutter = np.cumsum(rng.normal(0, 0.004, len(time)))
    contour = speaker.pitch_hz * np.exp(speaker.pitch_range * (1 - time + sum(waves)) + flutter)
    return np.interp(np.arange(num_samples), np.arange(len(time)) * HOP, contour)


def _pulses(pitch: np.ndarray, speaker: Voice, rng: np.random.Generator) -> np.ndarray:
    """Pulses `(samples,)` of power 1, one per period, between samples, with the speaker's tilt."""
    phase = rng.random() + np.cumsum(pitch) / SAMPLE_RATE
    before = np.flatnonzero(np.diff(np.floor(phase)))
    period = SAMPLE_RATE / pitch[before]
    instant = before + (np.ceil(phase[before]) - phase[before]) * period
    instant += rng.normal(0, speaker.jitter, len(before)) * period
    level = np.sqrt(period) * (1 + rng.normal(0, 5 * speaker.jitter, len(before)))
    # A band-limited pulse at t is the sinc around t, cut to 8 samples by a Hann window.
    taps = np.floor(instant).astype(np.int64)[:, None] + np.arange(-3, 5)  # (pulses, 8)
    distance = taps - instant[:, None]
    shape = np.sinc(distance) * np.cos(np.pi * distance / 8) ** 2
    inside = np.clip(taps, 0, len(pitch) - 1)
    train = np.bincount(inside.ravel(), (shape * level[:, None]).ravel(), len(pitch))
    train = tilted(train, speaker.tilt_db, 200)
    return train / np.sqrt(np.mean(train**2))


def tilted(signal: np.ndarray, db_per_octave: float, above_hz: float) -> np.ndarray:
    """Filters a signal so that its spectrum falls or rises above a frequency.

    Args:
        signal: `(samples,)`.
        db_per_octave: Slope above the frequency; negative to fall.
        above_hz: The frequency.
    """
    size = fft.next_fast_len(len(signal), real=True)
    octaves = np.log2(np.maximum(fft.rfftfreq(size, 1 / SAMPLE_RATE), above_hz) / above_hz)
    return fft.irfft(fft.rfft(signal, size) * 10 ** (db_per_octave * octaves / 20), size)[
        : len(signal)
    ]


def _sources(
    phones: Sequence[str],
    durations: np.ndarray,
    pitch: np.ndarray,
    speaker: Voice,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Excitations of the vocal tract and of the noise band, `(samples,)` each."""
    parts = np.array([_PARTS[phone] for phone in phones])  # (phones, 3 parts, 3 sources)
    parts *= np.exp(rng.normal(0, 0.15, (len(phones), 1, 1)))
    cuts = np.floor(durations[:, None] * np.array([0, 0.55, 0.7, 1.0])).astype(np.int64)
    levels = np.repeat(parts.reshape(-1, 3), np.diff(cuts, axis=1).ravel(), axis=0).T
    voice, noise, breath = (_smoothed(level, 160) for level in levels)  # over 10 ms
    hiss = rng.standard_normal((2, len(pitch)))
    tract = _pulses(pitch, speaker, rng) * voice + hiss[0] * (breath + speaker.breath * voice)
    return tract, hiss[1] * noise


def _parts(phone: Phone) -> np.ndarray:
    """Levels `(3, 3)` of voice, noise and breath in three parts of a phone."""
    if phone.kind == "stop":
        voiced = phone.voice > 0  # with a voice bar, and voiced again from the burst on
        closure, burst = (phone.voice, 0.0, 0.0), (phone.voice, phone.noise, 0.0)
        release = (0.6, 0.0, 0.02) if voiced else (0.0, 0.15 * phone.noise, 0.2)
        return np.array([closure, burst, release])
    breath = 0.2 if phone.kind == "aspirate" else 0.0
    return np.tile([phone.voice, phone.noise, breath], (3, 1))


_PARTS = {name: _parts(phone) for name, phone in PHONES.items()}


def _smoothed(track: np.ndarray, width: int) -> np.ndarray:
    """Smooths along the last axis by a triangle of half width `width`."""
    return uniform_filter1d(uniform_filter1d(track, width, mode="nearest"), width, mode="nearest")


def _filters(
    phones: Sequence[str], durations: np.ndarray, speaker: Voice
) -> tuple[np.ndarray, np.ndarray]:
    """Responses `(frames, bins)` of vocal tract and noise band, at all multiples of HOP."""
    ends = np.cumsum(durations)
    times = np.arange(ends[-1] // HOP + 1) * HOP
    row = np.minimum(np.searchsorted(ends, times, side="right"), len(phones) - 1)  # (frames,)
    targets = _formant_targets(phones, durations, speaker)
    made = [PHONES[phone] for phone in phones]
    # The constriction moves with the tongue: a higher F2 raises the noise band a little.
    center = np.array([phone.center_hz for phone in made])
    center = center * speaker.formant_scale**0.7 * (targets[:, 1] / 1500) ** 0.15
    width = np.array([phone.width_hz for phone in made])
    zero = np.array([phone.zero_hz for phone in made]) * speaker.formant_scale
    nasal = np.array([float(phone.kind == "nasal") for phone in made])

    formants = _smoothed(targets[row].T, 7)  # 7 frames are 56 ms
    center, width, zero = _smoothed(np.stack([center, width, zero])[:, row], 3)[..., None]
    nasal = _smoothed(nasal[row], 5)[:, None]
    band = np.exp(-0.5 * ((FREQUENCY_HZ - center) / width) ** 2)
    tract = _tract(formants, speaker) * _nasal_dip(nasal, zero)
    return tract.astype(np.complex64), band.astype(np.float32)


def _formant_targets(phones: Sequence[str], durations: np.ndarray, speaker: Voice) -> np.ndarray:
    """Formants `(phones, 3)` in Hz, drawn towards the neighbors' and the neutral vowel's."""
    numbers = [_NUMBER[phone] for phone in phones]
    blend = np.array([PHONES[phone].blend for phone in phones])[:, None]
    own = np.array([PHONES[phone].formants_hz for phone in phones])
    own = own * speaker.formant_shift[numbers]
    padded = np.concatenate([own[:1], own, own[-1:]])
    around = 0.4 * padded[:-2] + 0.4 * padded[2:] + 0.2 * NEUTRAL_HZ
    milliseconds = durations[:, None] * 1000 / SAMPLE_RATE
    given_up = blend * np.exp(-milliseconds / UNDERSHOOT_MS)
    return speaker.formant_scale * (own + given_up * (around - own))


def _tract(formants: np.ndarray, speaker: Voice) -> np.ndarray:
    """Returns the response `(frames, bins)` of a cascade of five resonators (Klatt 1980) of gain 1
    at 0 Hz.

    Args:
        formants: `(3, frames)` Hz; the other two are the speaker's.
        speaker: The voice.
    """
    delay = np.exp(-2j * np.pi * FREQUENCY_HZ / SAMPLE_RATE).astype(np.complex64)
    higher = [np.array([each * speaker.formant_scale]) for each in speaker.higher_hz]
    response = np.ones((1, len(FREQUENCY_HZ)), np.complex64)
    for center, bandwidth in zip(
        [*higher, *formants], BANDWIDTHS_HZ[3:] + BANDWIDTHS_HZ[:3], strict=True
    ):
        radius = np.exp(-np.pi * bandwidth * speaker.bandwidth / SAMPLE_RATE)
        first = (-2 * radius * np.cos(2 * np.pi * center / SAMPLE_RATE)).astype(np.float32)[:, None]
        second = np.float32(radius**2)
        response = response * ((1 + first + second) / (1 + delay * (first + second * delay)))
    return response


def _nasal_dip(nasality: np.ndarray, zero_hz: np.ndarray) -> np.ndarray:
    """Returns the gain `(frames, bins)` of the closed mouth's antiresonance, which spreads into the
    vowels.
    """
    distance = (FREQUENCY_HZ - zero_hz) / 350
    return 1 - nasality * (0.3 + 0.6 * np.exp(-0.5 * distance**2)) * (FREQUENCY_HZ > 400)


def _filtered(source: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Filters Hann windows of 2 * HOP, which sum to 1, and adds them: `(samples,)` float32."""
    num_frames = len(filters)
    window = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)
    frames = fft.irfft(fft.rfft(_windows(source, num_frames) * window, NUM_BINS) * filters)
    # A frame spans NUM_BINS / HOP = 4 hops: quarter q of frame i is added to hop i + q.
    quarters = frames.reshape(num_frames, 4, HOP)  # (frames, 4, HOP)
    added = np.zeros((num_frames + 3, HOP), np.float32)
    for number in range(4):
        added[number : number + num_frames] += quarters[:, number]
    return added.reshape(-1)[HOP : HOP + len(source)]


def _windows(source: np.ndarray, num_frames: int) -> np.ndarray:
    """Returns windows `(frames, 2 * HOP)` float32, frame i around sample i * HOP; zeros beyond the
    ends.
    """
    padded = np.zeros((num_frames + 1) * HOP, np.float32)
    padded[HOP : HOP + len(source)] = source
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)[::HOP]
