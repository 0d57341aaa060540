"""Recordings that are written while they are made."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from helpers.full_disk import files_limited_to
from helpers.small_models import contents, noise

from wavenet_ae.errors import UserError
from wavenet_ae.generation.streaming_writer import StreamingWriter


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_recording_grows_and_takes_its_name_when_complete(tmp_path, suffix):
    path, samples = tmp_path / "deep" / f"a.{suffix}", noise(5000)
    with StreamingWriter(path, 8000) as file:
        sizes = []
        for first in range(0, 5000, 1000):
            file.write(samples[first : first + 1000])
            (partial,) = path.parent.iterdir()
            sizes.append(partial.stat().st_size)
        assert not path.exists()
        file.finish()
        if suffix == "wav":  # FLAC holds a block back
            assert np.diff(sizes).tolist() == [2000] * 4, "nothing is kept for the end"
    assert list(path.parent.iterdir()) == [path]
    found, rate = soundfile.read(path, dtype="int16")
    assert rate == 8000 and np.array_equal(found, samples)
    assert soundfile.info(path).subtype == "PCM_16"


def test_what_is_not_finished_leaves_nothing(tmp_path):
    with StreamingWriter(tmp_path / "a.wav", 8000) as file:
        file.write(noise(500))
    assert contents(tmp_path) == {}


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), StreamingWriter(path, 8000) as file:
        file.write(noise(500))
        raise KeyboardInterrupt
    assert contents(tmp_path) == {"a.wav": b"before"}


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_full_disk_is_a_user_error(tmp_path, suffix):
    with (
        files_limited_to(5000),
        pytest.raises(UserError, match=r"cannot be written: .*run the same command again"),
        StreamingWriter(tmp_path / f"a.{suffix}", 8000) as file,
    ):
        for _ in range(20):
            file.write(noise(1000))
    assert contents(tmp_path) == {}
