"""Recordings that libsndfile does not read, decoded by ffmpeg where it is installed.

    ffprobe  --> rate, channels and, where the container states it, the length
    ffmpeg   --> float32 samples through a pipe, block by block

Only local files are opened, by these demuxers alone: a playlist that is called x.m4a names no other
file.  What is decoded only in part is refused, as everywhere.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from wavenet_ae.errors import UserError

FFMPEG_SUFFIXES = (
    *(".m4a", ".m4b", ".mp4", ".3gp", ".aac", ".wma", ".webm", ".mka", ".amr", ".ac3"),
)
PROGRAMS = ("ffmpeg", "ffprobe")
TIMEOUT_SECONDS = 60.0  # without any output
BLOCK_BYTES = 1 << 20
# A container's length may include the silence before and after that encoders add.
TOLERANCE_SECONDS = 0.25
# Containers whose header states a length; of others, ffprobe estimates it from the bit rate.
_STATES_LENGTH = ("mov", "asf", "matroska")
_GUARDS = (
    *("-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,pipe"),
    *("-format_whitelist", "mov,mp4,m4a,3gp,aac,asf,matroska,webm,amr,ac3,eac3"),
)
_COPY = "Copy it again, or remove it"


class FfmpegError(UserError):
    """Raised if a recording cannot be decoded; the text is the reason and a remedy."""


@dataclass(frozen=True)
class AudioStream:
    """First audio stream of a file.

    Attributes:
        sample_rate: Rate in Hz.
        num_channels: Number of channels.
        seconds: Length that the container states; None if it states none.
    """

    sample_rate: int
    num_channels: int
    seconds: float | None


def is_available() -> bool:
    """Returns whether ffmpeg and its ffprobe are on the search path."""
    return all(shutil.which(program) for program in PROGRAMS)


def probe(path: Path) -> AudioStream:
    """Reads what a container says of its first audio stream.

    Args:
        path: The file.

    Raises:
        FfmpegError: If ffmpeg is not installed, or the file is not one that it decodes.
    """
    if not is_available():
        raise FfmpegError(
            f"unreadable: libsndfile does not decode this {path.suffix} file, and ffmpeg, which "
            f"may, is not installed. Install ffmpeg, or convert the file: ffmpeg -i x{path.suffix} "
            "x.wav"
        )
    entries = "stream=codec_type,sample_rate,channels,duration:format=format_name,duration"
    command = ["ffprobe", *_GUARDS, "-show_entries", entries, "-of", "json", _argument(path)]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise FfmpegError(_timed_out("ffprobe")) from None
    if ran.returncode:
        raise FfmpegError(f"unreadable: ffmpeg says: {_first_line(ran.stderr, path)}. {_COPY}")
    return _audio_stream(json.loads(ran.stdout))


def decode(path: Path, stream: AudioStream) -> Iterator[np.ndarray]:
    """Yields successive blocks `(n, channels)` float32 of the first audio stream.

    Args:
        path: The file.
        stream: What `probe` returned.

    Raises:
        FfmpegError: If not all of the file can be decoded, or ffmpeg stands still; after the blocks
            before that.
    """
    rate, channels = stream.sample_rate, stream.num_channels
    command = [
        *("ffmpeg", "-nostdin", *_GUARDS, "-xerror", "-i", _argument(path), "-map", "0:a:0"),
        *("-ar", str(rate), "-ac", str(channels), "-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"),
    ]
    num_frames = 0
    with tempfile.TemporaryFile() as log:  # a pipe that nobody reads would stop ffmpeg
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, bufsize=0
        )
        assert process.stdout is not None
        try:
            for data in _whole_frames(process.stdout, 4 * channels):
                block = np.frombuffer(data, "<f4").reshape(-1, channels)  # (n, channels)
                num_frames += len(block)
                yield block
            code = process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            raise FfmpegError(_timed_out("ffmpeg")) from None
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        log.seek(0)
        said = log.read()
    if code or said:  # of some damage it only tells
        raise FfmpegError(f"damaged: ffmpeg says: {_first_line(said, path)}. {_COPY}")
    if stream.seconds is not None and num_frames / rate < stream.seconds - TOLERANCE_SECONDS:
        there = f"{num_frames / rate:.3f} s can be decoded"
        raise FfmpegError(
            f"truncated: its header promises {stream.seconds:.3f} s, {there}. {_COPY}"
        )


def _argument(path: Path) -> str:
    """Names a file so that it is no option and no other protocol, whatever its name."""
    return f"file:{path.absolute()}"


def _audio_stream(found: Mapping[str, Any]) -> AudioStream:
    """Returns the first audio stream of what ffprobe has printed."""
    streams, container = found.get("streams", []), found.get("format", {})
    audio = [each for each in streams if each.get("codec_type") == "audio"]
    if not audio:
        raise FfmpegError("unreadable: it has no audio. Remove it")
    rate, channels = (int(audio[0].get(name, 0)) for name in ("sample_rate", "channels"))
    if rate <= 0 or channels <= 0:
        raise FfmpegError(f"unreadable: ffmpeg does not know its audio codec. {_COPY}")
    seconds = None
    if str(container.get("format_name", "")).startswith(_STATES_LENGTH):
        seconds = audio[0].get("duration")
        if seconds is None and len(streams) == 1:  # else it may be that of longer pictures
            seconds = container.get("duration")
    return AudioStream(rate, channels, None if seconds is None else float(seconds))


def _whole_frames(pipe: IO[bytes], frame_bytes: int) -> Iterator[bytes]:
    """Blocks of whole frames that a program writes; an incomplete one at the end is left out."""
    rest = b""
    while data := _read(pipe):
        rest += data
        if len(rest) >= BLOCK_BYTES:
            size = len(rest) - len(rest) % frame_bytes
            yield rest[:size]
            rest = rest[size:]
    if size := len(rest) - len(rest) % frame_bytes:
        yield rest[:size]


def _read(pipe: IO[bytes]) -> bytes:
    ready, _, _ = select.select([pipe], [], [], TIMEOUT_SECONDS)
    if not ready:
        raise FfmpegError(_timed_out("ffmpeg"))
    return os.read(pipe.fileno(), BLOCK_BYTES)


def _timed_out(program: str) -> str:
    return f"unreadable: {program} gave nothing for {TIMEOUT_SECONDS:g} s. Convert it to WAV"


def _first_line(said: bytes, path: Path) -> str:
    """Returns the first line that a program printed, without the path, which messages name."""
    text = said.decode("utf-8", "replace").replace(f"file:{path.absolute()}: ", "")
    lines = [line.split("] ", 1)[-1].strip() for line in text.splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else "it failed without a word"
