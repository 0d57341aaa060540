"""Waveforms as callers give them: types by their own full scale, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from wavenet_ae.audio import io as files
from wavenet_ae.audio.waveforms import checked_rate, checked_signal, checked_waveform
from wavenet_ae.errors import ArgumentError, UserError
from wavenet_ae.metrics.distances import log_spectral_distance, mel_cepstral_distortion
from wavenet_ae.metrics.f0 import mean_f0

SAMPLES = (9000 * np.sin(np.arange(400) / 9)).astype(np.int16)
FLOATS = (SAMPLES / 32768).astype(np.float32)


def steps(waveform: np.ndarray) -> np.ndarray:
    """int16 samples of what is returned."""
    return waveform if waveform.dtype == np.int16 else files.to_int16(waveform)[0]


@pytest.mark.parametrize(
    "given",
    [
        SAMPLES,
        SAMPLES.astype(">i2"),
        SAMPLES.astype(np.int32) << 16,
        SAMPLES.astype(">i4") << 16,
        FLOATS,
        FLOATS.astype(">f4"),
        FLOATS.astype(np.float64),
        FLOATS.astype(np.longdouble),
        FLOATS.tolist(),
        tuple(FLOATS),
        np.repeat(SAMPLES, 2)[::2],
        SAMPLES[::-1].copy()[::-1],
        torch.from_numpy(SAMPLES),
        torch.from_numpy(FLOATS).requires_grad_(),
        torch.nn.Parameter(torch.from_numpy(FLOATS)),
        torch.complex(torch.from_numpy(FLOATS), torch.from_numpy(-FLOATS)).conj().imag,
    ],
)
def test_each_type_is_taken_by_its_own_full_scale(given):
    found = checked_waveform(given)
    assert found.dtype in (np.int16, np.float32, np.float64) and found.dtype.isnative
    assert np.array_equal(steps(found), SAMPLES)


@pytest.mark.parametrize(
    ("given", "step"),
    [
        (torch.from_numpy(FLOATS).bfloat16(), 64),
        (torch.from_numpy(FLOATS).half(), 8),
        (FLOATS.astype(np.float16), 8),
        (((SAMPLES >> 8) + 128).astype(np.uint8), 256),
    ],
)
def test_coarse_types_are_taken_as_near_as_they_are(given, step):
    assert np.abs(steps(checked_waveform(given)).astype(int) - SAMPLES).max() <= step


def spoiled(value: float) -> np.ndarray:
    return np.where(np.arange(400) == 5, value, FLOATS).astype(np.float32)


class Unconvertible:
    """An object whose own conversion fails in its own way."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise LookupError("there is no array of this")


HELD_BY_ITSELF: list[object] = []
HELD_BY_ITSELF.append(HELD_BY_ITSELF)


REFUSED = [
    (SAMPLES.astype(np.int64), r"is int64 \(400,\).*by astype\(np\.int16\)"),
    (SAMPLES.tolist(), r"is int64 \(400,\)"),
    (SAMPLES.astype(np.uint16), "is uint16"),
    (SAMPLES.astype(np.int8), "is int8"),
    (SAMPLES.astype(np.int32), r"int32 with a peak of \d+.*astype\(np\.int16\)"),
    (SAMPLES.astype(np.float32), r"out of range: its peak is \d+, where full scale is 1\.0: div"),
    (spoiled(np.nan), "non-finite: 1 of 400 samples are NaN or infinite"),
    (torch.from_numpy(spoiled(-np.inf)), "non-finite: 1 of 400"),
    (FLOATS > 0, "is bool"),
    (FLOATS.astype(complex), "is complex128"),
    (SAMPLES.tobytes(), "is bytes, but samples are int16"),
    (memoryview(SAMPLES), "is memoryview"),
    ("a.wav", "is of type str"),
    (Path("a.wav"), "is of type PosixPath"),
    (None, "is of type NoneType"),
    ({"array": FLOATS}, "is of type dict"),
    (iter(FLOATS), "is of type "),
    (np.array([0.5, None]), "is an array of object"),
    ([0.5, [0.5]], "is of type list, but samples are"),
    (torch.from_numpy(FLOATS).to_sparse(), "is of type Tensor"),
    (torch.zeros(4, device="meta"), "is of type Tensor"),
    (np.float32(0.5), r"has the shape \(\)"),
    (FLOATS[None], r"has the shape \(1, 400\).*one dimension"),
    (np.stack([FLOATS, FLOATS], axis=1), r"has the shape \(400, 2\).*choose a channel"),
    (SAMPLES[:0], "is empty: there are no samples"),
    ([], "is empty"),
    (np.ma.masked_less(FLOATS, 0), r"has \d+ of 400 values masked.*`\.filled\(\.\.\.\)`"),
    (Unconvertible(), r"is of type Unconvertible.*\(.*no array of this\b.*\)"),
    (HELD_BY_ITSELF, "is (of type list|an array of object)"),
]


@pytest.mark.parametrize(("given", "expected"), REFUSED)
def test_what_is_no_waveform_is_refused_by_name(given, expected):
    with pytest.raises(ArgumentError, match=f"^sound.* {expected}"):
        checked_waveform(given, "sound of mine")
    assert issubclass(ArgumentError, UserError) and issubclass(ArgumentError, ValueError)


def test_silence_of_every_type_is_a_waveform():
    for kind, silence in ((np.int16, 0), (np.int32, 0), (np.uint8, 128), (np.float32, 0)):
        assert not steps(checked_waveform(np.full(9, silence, kind))).any()


@pytest.mark.parametrize("rate", [0, -1, 999, 8000.5, 2**31, None, "8000", True, np.nan, [8000]])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(ArgumentError, match=r"^rate is .*whole number of Hz from 1000 to 768000"):
        checked_rate(rate)


@pytest.mark.parametrize("rate", [8000, 8000.0, np.int64(8000), np.float32(8000)])
def test_whole_numbers_of_every_type_are_rates(rate):
    assert type(checked_rate(rate)) is int and checked_rate(rate) == 8000


@pytest.mark.parametrize(("given", "expected"), REFUSED)
def test_what_is_no_waveform_is_not_written(given, expected, tmp_path):
    with pytest.raises(ArgumentError, match=f"^samples .*{expected.removeprefix('is ')}"):
        files.write(tmp_path / "a.wav", given, 8000)
    assert not list(tmp_path.iterdir())


def test_all_that_is_a_waveform_is_written(tmp_path):
    for given in (torch.from_numpy(FLOATS), FLOATS.tolist(), SAMPLES.astype(np.int32) << 16):
        assert files.write(tmp_path / "a.wav", given, np.float64(8000)) == 0
        assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype="int16")[0], SAMPLES)


@pytest.mark.parametrize(
    ("name", "rate", "highest"),
    [("a.wav", 2**31, 2**31 - 1), ("a.flac", 768_000, 655_350), ("a.flac", 0, 655_350)],
)
def test_rates_that_a_container_cannot_hold_are_not_written(name, rate, highest, tmp_path):
    with pytest.raises(ArgumentError, match=rf"sample_rate is {rate}, .* from 1 to {highest}"):
        files.write(tmp_path / name, SAMPLES, rate)


@pytest.mark.parametrize(("rate", "is_written"), [(65_535, True), (65_537, False), (96_000, True)])
def test_flac_holds_high_rates_in_tens_only(rate, is_written, tmp_path):
    if is_written:
        files.write(tmp_path / "a.flac", SAMPLES, rate)
        assert soundfile.info(tmp_path / "a.flac").samplerate == rate
    else:
        with pytest.raises(ArgumentError, match=f"sample_rate is {rate}, but must be a multiple"):
            files.write(tmp_path / "a.flac", SAMPLES, rate)


@pytest.mark.parametrize("given", [{"sample_rate": 2**31}, {"sample_rate": 8000.5}])
def test_a_recording_is_read_at_a_rate_that_memory_holds(given, tmp_path):
    files.write(tmp_path / "a.wav", SAMPLES, 8000)
    with pytest.raises(ArgumentError, match=r"sample_rate is .* from 1 to 768000"):
        files.read(tmp_path / "a.wav", **given)
    with pytest.raises(ArgumentError, match=r"channel is '0', but must be 0, 1"):
        files.read(tmp_path / "a.wav", 8000, channel="0")


def test_measures_of_waveforms_refuse_what_is_none():
    tone = torch.from_numpy(np.tile(FLOATS, 10))
    for measure in (log_spectral_distance, mel_cepstral_distortion):
        assert measure(tone, tone.numpy(), 8000).decibels == 0
        with pytest.raises(ArgumentError, match="other is int64"):
            measure(tone, np.zeros(4000, np.int64), 8000)
        with pytest.raises(ArgumentError, match="rate is 0"):
            measure(tone, tone, 0)
    hz = mean_f0(tone, 8000)
    assert (
        hz == mean_f0((tone * 32768).long(), 8000.0) == pytest.approx(8000 / (2 * np.pi * 9), 0.02)
    )
    with pytest.raises(ArgumentError, match="non-finite"):
        checked_signal(spoiled(np.nan))
    with pytest.raises(ArgumentError, match="waveform is complex64"):
        mean_f0(tone + 0j, 8000)
