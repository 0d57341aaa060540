"""Damaged and unusual files are decoded, or rejected with one line that says what to do."""

from __future__ import annotations

import os
import re
import warnings

import numpy as np
import pytest
from helpers.hostile import RATE, REJECTED, USABLE, VOICES, speech, wav

from wavenet_ae.audio import io as files


@pytest.fixture(autouse=True)
def no_warnings():
    """Nothing but the line: numpy and soundfile have nothing to add."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def save(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def likeness(samples, wave):
    """Correlation, of what both have."""
    length = min(len(samples), len(wave))
    return np.corrcoef(samples[:length], wave[:length])[0, 1]


@pytest.mark.parametrize("name", USABLE)
def test_odd_recordings_keep_their_sound_and_their_length(tmp_path, name):
    given = USABLE[name]
    pcm = files.read(save(tmp_path, name, given.content), RATE)
    assert abs(len(pcm.samples) - given.length) <= RATE // 1000
    expected = speech() if given.like is None else given.like
    assert likeness(pcm.samples, expected) > 0.98


@pytest.mark.parametrize("name", REJECTED)
def test_a_file_that_cannot_be_used_says_why_and_what_to_do(tmp_path, name):
    path = save(tmp_path, name, REJECTED[name].content)
    with pytest.raises(files.AudioError) as caught:
        files.read(path, RATE)
    assert re.fullmatch(re.escape(f"{path}: ") + REJECTED[name].reason, str(caught.value))
    assert "\n" not in str(caught.value)


def test_what_is_no_file_says_what_to_do(tmp_path):
    for name, reason in (("none.wav", "No such file or directory"), ("a.wav", "Is a directory")):
        (tmp_path / "a.wav").mkdir(exist_ok=True)
        with pytest.raises(files.AudioError, match=f"{name}: unreadable: {reason}. Fix the path"):
            files.read(tmp_path / name, RATE)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("x" * 300, "File name too long"), ("a\0b", "its name has a NUL character")],
)
def test_a_name_that_no_file_can_have_says_what_to_do(name, reason, tmp_path):
    with pytest.raises(files.AudioError, match=f"unreadable: {reason}. Fix the path"):
        files.read(tmp_path / f"{name}.wav", RATE)


def test_a_pipe_does_not_keep_us_waiting(tmp_path):
    os.mkfifo(tmp_path / "x.wav")
    with pytest.raises(files.AudioError, match=r"x.wav: unreadable: a pipe. Remove it"):
        files.read(tmp_path / "x.wav", RATE)


def test_each_channel_of_two_speakers_is_one_of_them(tmp_path):
    path = save(tmp_path, "both.wav", USABLE["two speakers.wav"].content)
    with pytest.raises(
        files.AudioError, match="no channel 2, only 0 to 1: fix the column `channel`"
    ):
        files.read(path, RATE, channel=2)
    for channel in (0, 1):
        samples = files.read(path, RATE, channel).samples
        assert len(samples) == RATE
        assert likeness(samples, VOICES[channel]) > 0.98
        assert abs(likeness(samples, VOICES[1 - channel])) < 0.2


@pytest.mark.parametrize("rate", [1000, 22_254, 44_099, 768_000])
def test_every_rate_that_is_accepted_is_resampled(tmp_path, rate):
    """A kernel for each phase of 44099 to 16000 would be gigabytes."""
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(rate // 2) / rate)
    samples = (32767 * tone).astype(np.int16).tobytes()
    pcm = files.read(save(tmp_path, "x.wav", wav(samples, rate=rate)), RATE)
    assert len(pcm.samples) == -(-(rate // 2) * RATE // rate)
    expected = 0.5 * np.sin(2 * np.pi * 200 * np.arange(len(pcm.samples)) / RATE)
    middle = slice(1000, 7000)  # the filter rings at the ends
    np.testing.assert_allclose(pcm.samples[middle] / 32768, expected[middle], atol=0.01)
