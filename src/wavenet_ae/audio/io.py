"""Reading and writing of recordings: soundfile decodes them to int16 at the requested rate.

Files of phones and videos, which libsndfile does not read, are decoded by ffmpeg if there is one.

    file --decode--> (T', channels) --downmix or channel--> (T',) --resample--> (T,) --> int16

All of this happens block by block, so that memory does not grow with a recording. A file that
cannot be used raises `AudioError` with a reason and a remedy. A file that is written appears under
its name only when it is complete.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

import numpy as np
import soundfile

from wavenet_ae.audio import ffmpeg
from wavenet_ae.audio.decoding import Values, mono, mono_blocks, opened, tag_bytes
from wavenet_ae.audio.integrity import problem_after, problem_before, promised_frames
from wavenet_ae.audio.resampling import is_supported, resample_blocks
from wavenet_ae.audio.waveforms import (
    FULL_SCALE,
    SOURCE_RATES_HZ,
    Waveform,
    checked_rate,
    checked_waveform,
)
from wavenet_ae.errors import ArgumentError, UserError
from wavenet_ae.reading import LFS_POINTER, LFS_REMEDY
from wavenet_ae.schema import HIGHEST_RATE_HZ
from wavenet_ae.storage import write_bytes

# What the header of a container can hold.
WRITTEN_RATES_HZ = {".wav": (1, 2**31 - 1), ".flac": (1, 655_350)}
LARGEST_ODD_FLAC_HZ = 2**16 - 1  # a frame's header holds higher rates in units of 10 Hz
_IF_UNREADABLE = "Convert it to WAV or FLAC, or remove it if it holds no audio"


class AudioError(UserError):
    """Raised if a recording cannot be used; the text names the problem and a remedy.

    Attributes:
        reason: The text without the file's name.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Pcm:
    """Decoded mono recording.

    Attributes:
        samples: `(T,)` int16, full scale 32768.
        sample_rate: Rate of `samples` in Hz.
        source_rate: Rate in the file's header, in Hz.
        num_channels: Channels of the file.
        num_clipped: Samples beyond full scale, which were clipped.
    """

    samples: np.ndarray
    sample_rate: int
    source_rate: int
    num_channels: int
    num_clipped: int


def read(
    path: str | Path, sample_rate: int, channel: int | None = None, accept_constant: bool = False
) -> Pcm:
    """Decodes a recording by its content, whatever its suffix, and resamples it.

    Args:
        path: Any file that libsndfile decodes, or ffmpeg by its suffix (`FFMPEG_SUFFIXES`).
        sample_rate: Rate of the result in Hz, at most 768 000.
        channel: Channel to read, from 0; None averages all channels.
        accept_constant: Whether silence and offsets are recordings, too.

    Raises:
        AudioError: If the file is unreadable, empty, truncated (fewer samples than its header
            promises), damaged or constant; if samples are not finite or far beyond full scale; if
            the channel does not exist; or if the header's rate is outside `SOURCE_RATES_HZ` or
            cannot be resampled.
        ArgumentError: If `sample_rate` is no such rate, or `channel` no whole number.
    """
    stream = RecordingStream(path, sample_rate, channel, accept_constant)
    content = bytearray()  # grows in place: a list of blocks would be in memory twice
    for block in stream:
        content += block.data
    samples = np.frombuffer(content, np.int16)
    found = (stream.source_rate, stream.num_channels, stream.num_clipped)
    return Pcm(samples, stream.sample_rate, *found)


class RecordingStream:
    """Recording as successive blocks of int16 samples `(n,)`, which together are what `read` gives.

    Iterating over it raises `AudioError` as `read` does, but what is found at the end only, such as
    a truncated file, after the blocks before it. It can be iterated over once.

    Args:
        path: Any file that libsndfile decodes, or ffmpeg by its suffix (`FFMPEG_SUFFIXES`).
        sample_rate: Rate of the result in Hz.
        channel: Channel to read, from 0; None averages all channels.
        accept_constant: Whether silence and offsets are recordings, too.

    Attributes:
        source_rate: Rate in the file's header, in Hz; known from the first block on.
        num_channels: Channels of the file, known likewise.
        num_clipped: Samples so far that were beyond full scale, and were clipped.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: int,
        channel: int | None = None,
        accept_constant: bool = False,
    ) -> None:
        if channel is not None and (isinstance(channel, bool) or not isinstance(channel, Integral)):
            raise ArgumentError(
                f"channel is {channel!r}, but must be 0, 1, ... or None for the mean of all"
            )
        self.path, self.channel = Path(path), channel
        self.sample_rate = checked_rate(sample_rate, "sample_rate", (1, HIGHEST_RATE_HZ))
        self.accept_constant = accept_constant
        self.source_rate, self.num_channels, self.num_clipped = 0, 0, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        path = self.path
        if "\0" in str(path):
            raise AudioError(path, "unreadable: its name has a NUL character. Fix the path")
        try:
            if path.is_fifo():  # opening it would wait for a writer
                raise AudioError(
                    path, "unreadable: a pipe. Remove it, or put its recording in a file"
                )
            if _needs_ffmpeg(path):
                yield from self._by_ffmpeg()
            else:
                yield from self._by_libsndfile()
        except ffmpeg.FfmpegError as error:
            raise AudioError(path, str(error)) from error
        except OSError as error:
            reason = f"unreadable: {error.strerror}. Fix the path or the file's permissions"
            raise AudioError(path, reason) from error
        except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: headerless (.raw)
            said = str(getattr(error, "error_string", error)).rstrip(".")
            raise AudioError(path, f"unreadable: {said}. {_IF_UNREADABLE}") from error

    def _by_libsndfile(self) -> Iterator[np.ndarray]:
        path = self.path
        with path.open("rb") as file:
            skip = tag_bytes(file)
            file.seek(skip)
            head = file.read(4096)
        if head.startswith(LFS_POINTER):
            raise AudioError(path, LFS_REMEDY)
        with opened(path, skip, head) as sound:
            self._check_header(sound.samplerate, sound.channels)
            self._check(problem_before(path, sound, head))
            values = Values()
            blocks = values.of(mono_blocks(sound, self.channel, promised_frames(sound, head)))
            yield from self._as_int16(blocks)
            self._check(problem_after(path, sound, head, skip, values.num_samples))
            self._check(values.problem(path, self.accept_constant))

    def _by_ffmpeg(self) -> Iterator[np.ndarray]:
        with self.path.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise AudioError(self.path, LFS_REMEDY)
        found = ffmpeg.probe(self.path)
        self._check_header(found.sample_rate, found.num_channels)
        values = Values()
        blocks = mono(ffmpeg.decode(self.path, found), self.channel)
        yield from self._as_int16(values.of(blocks))
        self._check(values.problem(self.path, self.accept_constant))

    def _as_int16(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for block in resample_blocks(blocks, self.source_rate, self.sample_rate):
            samples, num_clipped = to_int16(block)
            self.num_clipped += num_clipped
            yield samples

    def _check_header(self, rate: int, num_channels: int) -> None:
        self.source_rate, self.num_channels = rate, num_channels
        channel = self.channel
        if channel is not None and not 0 <= channel < num_channels:
            there = f"has no channel {channel}, only 0 to {num_channels - 1}"
            self._check(f"{there}: fix the column `channel` of the table")
        lowest, highest = SOURCE_RATES_HZ
        if not lowest <= rate <= highest:
            accepted = f"{lowest} to {highest} Hz are accepted: fix the header"
            self._check(f"its header says {rate} Hz, but {accepted}")
        if not is_supported(rate, self.sample_rate):
            refused = f"which cannot be resampled to {self.sample_rate} Hz: fix the header"
            self._check(f"its header says {rate} Hz, {refused}")

    def _check(self, problem: str) -> None:
        if problem:
            raise AudioError(self.path, problem)


def to_int16(waveform: np.ndarray) -> tuple[np.ndarray, int]:
    """Rounds floats of full scale 1.0 to int16.

    Args:
        waveform: `(T,)` floats.

    Returns:
        The samples `(T,)` int16, and how many were beyond [-1, 1] and clipped.
    """
    scaled = np.rint(waveform * FULL_SCALE)
    samples = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return samples, int(np.count_nonzero(np.abs(waveform) > 1))


def write(path: str | Path, samples: Waveform, sample_rate: int) -> int:
    """Writes a mono recording as 16-bit WAV or FLAC, by its suffix.

    Args:
        path: Path that ends in .wav or .flac.
        samples: Samples `(T,)` as `wavenet_ae.audio.waveforms` takes them, T > 0.
        sample_rate: Rate in Hz.

    Returns:
        The number of float samples that were clipped.

    Raises:
        UserError: If the suffix is another one.
        ArgumentError: If the samples cannot be used, or the container cannot hold the rate.
    """
    path, num_clipped = Path(path), 0
    if path.suffix.lower() not in WRITTEN_RATES_HZ:
        raise UserError(f"{path}: recordings are written as .wav or .flac: change the suffix")
    rate = checked_rate(sample_rate, "sample_rate", WRITTEN_RATES_HZ[path.suffix.lower()])
    if path.suffix.lower() == ".flac" and rate > LARGEST_ODD_FLAC_HZ and rate % 10:
        wanted = f"a multiple of 10 above {LARGEST_ODD_FLAC_HZ} Hz in a .flac file"
        raise ArgumentError(f"sample_rate is {rate}, but must be {wanted}: write a .wav file")
    samples = checked_waveform(samples, "samples")
    if samples.dtype != np.int16:
        samples, num_clipped = to_int16(samples)
    content = io.BytesIO()  # libsndfile would drop an error of a file object
    container = path.suffix[1:].upper()
    soundfile.write(content, samples, rate, format=container, subtype="PCM_16")
    write_bytes(path, content.getvalue())
    return num_clipped


def _needs_ffmpeg(path: Path) -> bool:
    """Returns whether a file has a suffix that ffmpeg is for, and libsndfile does not open it."""
    if path.suffix.lower() not in ffmpeg.FFMPEG_SUFFIXES:
        return False
    path.open("rb").close()  # raises OSError with its reason
    try:
        soundfile.SoundFile(os.fsencode(path)).close()
    except soundfile.LibsndfileError:
        return True
    return False
