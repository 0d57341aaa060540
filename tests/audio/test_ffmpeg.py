"""Recordings that libsndfile does not read: decoded by ffmpeg as a whole, or refused."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest

from wavenet_ae.audio import ffmpeg
from wavenet_ae.audio.io import AudioError, read, write
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError

RATE = 16_000
needs_ffmpeg = pytest.mark.skipif(
    not ffmpeg.is_available(), reason="ffmpeg and ffprobe are not installed"
)
# What begins like an MPEG-4 file, and libsndfile does not read.
NO_AUDIO = b"\0\0\0\x1cftypM4A \0\0\0\0M4A mp42isom\0\0\0\0"


def tone(seconds: float = 2.0) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)).astype("i2")


def encoded(path: Path, *options: str) -> Path:
    """A tone of two seconds, in the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wav = path.parent / f"{path.stem}-source.wav"
    write(wav, tone(), RATE)
    command = ["ffmpeg", "-v", "error", "-i", wav, *options, f"file:{path}"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    wav.unlink()
    return path


@pytest.fixture
def without_ffmpeg(tmp_path, monkeypatch):
    """A search path on which there is no program at all."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """Puts shell scripts in the place of ffprobe and ffmpeg."""

    def call(probing: str, decoding: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, script in (("ffprobe", probing), ("ffmpeg", decoding)):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o700 | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return call


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".m4a", ".aac", ".wma", ".mka", ".mp4"])
def test_a_recording_is_decoded_as_a_whole(tmp_path, suffix):
    found = read(encoded(tmp_path / f"a{suffix}"), RATE)
    assert (found.source_rate, found.num_channels) == (RATE, 1)
    assert 1.9 * RATE < len(found.samples) < 2.2 * RATE
    spectrum = np.abs(np.fft.rfft(found.samples[4000:20_000].astype(float)))
    assert np.argmax(spectrum) == 300


def amr(path: Path, head: bytes, num_parameters: int, num_frames: int) -> Path:
    """Speech of AMR's lowest rate with parameters at random; many a ffmpeg only decodes AMR."""
    rng = np.random.default_rng(0)
    frames = [b"\x04" + rng.bytes(num_parameters) for _ in range(num_frames)]
    path.write_bytes(head + b"".join(frames))
    return path


@needs_ffmpeg
@pytest.mark.parametrize(
    "head, num_parameters, rate", [(b"#!AMR\n", 12, 8000), (b"#!AMR-WB\n", 17, 16_000)]
)
def test_amr_of_telephones_is_decoded_as_a_whole(tmp_path, head, num_parameters, rate):
    path = amr(tmp_path / "a.amr", head, num_parameters, num_frames=75)
    found = read(path, rate)
    assert (found.source_rate, found.num_channels) == (rate, 1)
    assert len(found.samples) == 75 * rate // 50
    assert np.abs(found.samples.astype(int)).max() > 100
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(AudioError, match=r"a\.amr.*(damaged|truncated)"):
        read(path, rate)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".m4a", ".aac", ".wma", ".mka"])
def test_a_recording_that_is_cut_short_is_refused(tmp_path, suffix):
    """MPEG-4 files also where their index comes first, so that much of them can be decoded."""
    options = ["-movflags", "+faststart"] if suffix == ".m4a" else []
    path = encoded(tmp_path / f"a{suffix}", *options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10 + 3])
    with pytest.raises(AudioError, match=r"(damaged|truncated|unreadable): .*Copy it again"):
        read(path, RATE)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["-i x.m4a", "http:a.m4a", "caf\udce9 %03d.m4a", "pipe:0.m4a"])
def test_a_name_is_neither_an_option_nor_a_protocol(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    encoded(tmp_path / "a.m4a").rename(name)
    assert len(read(name, RATE).samples) > 1.9 * RATE


@needs_ffmpeg
@pytest.mark.parametrize(
    "content",
    [
        "ffconcat version 1.0\nfile other.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\nother.mp4\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_reads_no_other_file(tmp_path, content):
    encoded(tmp_path / "other.mp4")
    (tmp_path / "a.m4a").write_text(content)
    with pytest.raises(AudioError, match="unreadable"):
        read(tmp_path / "a.m4a", RATE)


@needs_ffmpeg
def test_a_video_without_sound_is_refused(tmp_path):
    path = tmp_path / "a.mp4"
    picture = ["-f", "lavfi", "-i", "color=black:size=16x16:duration=1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, path], check=True)
    with pytest.raises(AudioError, match="unreadable: it has no audio"):
        read(path, RATE)


def test_what_libsndfile_reads_needs_no_ffmpeg_whatever_its_suffix(tmp_path, without_ffmpeg):
    write(tmp_path / "a.wav", tone(), RATE)
    path = (tmp_path / "a.wav").rename(tmp_path / "a.m4a")
    np.testing.assert_array_equal(read(path, RATE).samples, tone())


def test_without_ffmpeg_the_reason_says_what_to_install(tmp_path, without_ffmpeg):
    (tmp_path / "a.m4a").write_bytes(NO_AUDIO)
    with pytest.raises(AudioError, match=r"ffmpeg.*is not installed.*ffmpeg -i x\.m4a x\.wav"):
        read(tmp_path / "a.m4a", RATE)
    with pytest.raises(AudioError, match="No such file"):
        read(tmp_path / "missing.m4a", RATE)


def test_recordings_that_are_not_read_are_listed(tmp_path, without_ffmpeg):
    """Half of a folder: an error within data.max_rejected, and a list with reason and remedy."""
    root = tmp_path / "root"
    for number in range(4):
        write(root / "ann" / f"{number}.wav", tone(), RATE)
        (root / "ann" / f"phone{number}.m4a").write_bytes(NO_AUDIO)
    source, cache = FolderSource(str(root)), tmp_path / "cache"
    with pytest.raises(UserError, match=r"4 of 8 recordings cannot be used"):
        pack(source, str(cache), RATE, Splits())
    corpus = PackedCorpus(pack(source, str(cache), RATE, Splits(), max_rejected=0.5))
    assert len(corpus) == 4
    (listed,) = cache.rglob("rejected.tsv")
    assert listed.read_text().count("is not installed. Install ffmpeg") == 4


@needs_ffmpeg
def test_they_are_read_once_ffmpeg_is_installed_and_stay_so_without(tmp_path, monkeypatch):
    root, cache = tmp_path / "root", str(tmp_path / "cache")
    for number in range(4):
        encoded(root / "ann" / f"{number}.m4a")
    write(root / "ann" / "a.wav", tone(), RATE)
    settings = (FolderSource(str(root)), cache, RATE, Splits())
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        without = PackedCorpus(pack(*settings, max_rejected=0.9))
    assert {each.split("@")[0] for each in without.recordings} == {"ann/a.wav"}
    by_ffmpeg = PackedCorpus(pack(*settings))
    assert len(by_ffmpeg) == 5
    monkeypatch.setenv("PATH", "")
    assert PackedCorpus(pack(*settings)).fingerprint == by_ffmpeg.fingerprint


PROBED = '{"streams": [{"codec_type": "audio", "sample_rate": "16000", "channels": 1%s}], %s}'
FORMAT = '"format": {"format_name": "mov,mp4"}'


def says(text: str) -> str:
    return f"echo '{text}'"


def test_less_than_the_header_promises_is_refused(tmp_path, pretended):
    (tmp_path / "a.m4a").write_bytes(NO_AUDIO)
    promised = PROBED % (', "duration": "5.0"', FORMAT)
    pretended(says(promised), "head -c 64000 /dev/urandom | tr -c '0' '0'")
    with pytest.raises(AudioError, match=r"truncated: its header promises 5.000 s, 1.000 s can be"):
        read(tmp_path / "a.m4a", RATE, accept_constant=True)


def test_what_ffmpeg_complains_of_is_refused_though_it_ends_well(tmp_path, pretended):
    (tmp_path / "a.m4a").write_bytes(NO_AUDIO)
    pretended(says(PROBED % ("", FORMAT)), "head -c 64000 /dev/zero; echo '[x @ 0] lost' >&2")
    with pytest.raises(AudioError, match="damaged: ffmpeg says: lost"):
        read(tmp_path / "a.m4a", RATE, accept_constant=True)


@pytest.mark.parametrize("decoding", ["exec sleep 30", "head -c 64000 /dev/zero; exec sleep 30"])
def test_a_decoder_that_stands_still_is_ended(tmp_path, pretended, monkeypatch, decoding):
    (tmp_path / "a.m4a").write_bytes(NO_AUDIO)
    monkeypatch.setattr(ffmpeg, "TIMEOUT_SECONDS", 0.5)
    pretended(says(PROBED % ("", FORMAT)), decoding)
    with pytest.raises(AudioError, match=r"ffmpeg gave nothing for 0\.5 s"):
        read(tmp_path / "a.m4a", RATE, accept_constant=True)


def test_a_probe_that_stands_still_is_ended(tmp_path, pretended, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(NO_AUDIO)
    monkeypatch.setattr(ffmpeg, "TIMEOUT_SECONDS", 0.5)
    pretended("exec sleep 30", "exit 0")
    with pytest.raises(AudioError, match="ffprobe gave nothing"):
        read(tmp_path / "a.m4a", RATE)
