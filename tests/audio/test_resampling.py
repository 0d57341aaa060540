"""Blocks are resampled as the whole would be, in memory that does not grow with a recording."""

import tracemalloc

import numpy as np
import pytest
import soundfile
import torch
import torchaudio

from wavenet_ae.audio import io as files
from wavenet_ae.audio import resampling
from wavenet_ae.audio.resampling import is_supported, resample, resample_blocks

RATES = [(44_100, 16_000), (48_000, 16_000), (8000, 16_000), (11_025, 8000), (44_099, 16_000)]


def noise(num_samples):
    return np.random.default_rng(0).normal(0, 0.1, num_samples).astype(np.float32)


@pytest.mark.parametrize(("source_rate", "sample_rate"), RATES)
@pytest.mark.parametrize("num_blocks", [1, 7, 200])
def test_blocks_give_what_the_whole_gives(monkeypatch, source_rate, sample_rate, num_blocks):
    monkeypatch.setattr(resampling, "SAMPLES_AT_ONCE", 5000)
    waveform = noise(150_001)
    blocks = np.array_split(waveform, num_blocks)
    made = np.concatenate(list(resample_blocks(blocks, source_rate, sample_rate)))
    expected = resample(waveform, source_rate, sample_rate)
    assert len(made) == -(-len(waveform) * sample_rate // source_rate)
    np.testing.assert_allclose(made, expected, atol=1e-6)  # the order of sums may differ


@pytest.mark.parametrize("length", [0, 1, 2, 4999, 5000, 5001])
def test_few_samples_are_resampled_too(monkeypatch, length):
    monkeypatch.setattr(resampling, "SAMPLES_AT_ONCE", 1000)
    made = list(resample_blocks([noise(length)], 44_100, 16_000))
    assert sum(map(len, made)) == -(-length * 16_000 // 44_100)


def test_resampling_is_that_of_torchaudio():
    expected = torchaudio.functional.resample(torch.from_numpy(noise(9999)), 44_100, 16_000)
    np.testing.assert_array_equal(resample(noise(9999), 44_100, 16_000), expected.numpy())


@pytest.mark.filterwarnings("error")
def test_an_array_that_cannot_be_written_to_is_resampled_without_a_warning():
    warn_always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else it warns once in a process
    try:
        waveform = noise(9999)
        waveform.setflags(write=False)
        made = resample(waveform, 44_100, 16_000)
    finally:
        torch.set_warn_always(warn_always)
    np.testing.assert_array_equal(made, resample(noise(9999), 44_100, 16_000))


def test_rates_whose_filter_would_fill_the_memory_are_not_supported():
    for rate in (1000, 8000, 22_254, 44_099, 192_000, 384_000, 768_000):
        assert is_supported(rate, 16_000)
    for rate in (767_999, 700_001):
        assert not is_supported(rate, 16_000)


def test_a_long_recording_is_never_whole_in_memory(tmp_path):
    """Five minutes of stereo are 106 MB as floats; the largest blocks are of 16 MiB."""
    path = tmp_path / "long.wav"
    block = (9000 * noise(2 * 44_100 * 10).reshape(-1, 2)).astype(np.int16)
    with soundfile.SoundFile(path, "w", 44_100, 2) as file:
        for _ in range(30):
            file.write(block)
    tracemalloc.start()
    try:
        num_samples = sum(map(len, files.RecordingStream(path, 16_000)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert num_samples == 300 * 16_000
    assert peak < 80e6
