"""Reading and writing of recordings: soundfile decodes them to int16 at the requested rate.

    file --decode--> (T', channels) --downmix or channel--> (T',) --resample--> (T,) --> int16

A file that cannot be used raises `AudioError` with a reason and a remedy. A file that is written
appears under its name only when it is complete.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from wavenet_ae.errors import UserError, counted
from wavenet_ae.storage import write_bytes

BLOCK_FRAMES = 1 << 20  # decoded at a time: of a long file, only one channel is in memory
FULL_SCALE = 32768
# Float files overshoot full scale (1.0) by a few decibels; +18 dB is integers stored as floats.
LARGEST_PEAK = 8.0
SOURCE_RATES_HZ = (1000, 768_000)  # recorders of bats use the upper end
# The size of torchaudio's kernel is the product of both terms of the reduced ratio: 160 * 441 from
# 44.1 to 16 kHz, but 16000 * 44099 from 44099 Hz, which is gigabytes.
LARGEST_RATIO_TERM = 1000
UNKNOWN_FRAMES = 2**63 - 1
# An MP3's tag counts whole frames of 1152 samples; encoders pad both ends by varying amounts.
MP3_TOLERANCE_SAMPLES = 2 * 1152

# libsndfile reads a truncated container as a shorter one and reports it in its log only.
_CHUNK_CUT = re.compile(r"^\s*(?:data|Data Size|SSND|riff)\s*: (\d+) \(should be (\d+)\)", re.M)
_RF64_CUT = re.compile(r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
_SPHERE_COUNT = re.compile(rb"\bsample_count -i (\d+)")
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


def read(path: str | Path, sample_rate: int, channel: int | None = None) -> Pcm:
    """Decodes a recording by its content, whatever its suffix, and resamples it.

    Args:
        path: Any file that libsndfile decodes.
        sample_rate: Rate of the result in Hz.
        channel: Channel to read, from 0; None averages all channels.

    Raises:
        AudioError: If the file is unreadable, empty, truncated (fewer samples than its header
            promises) or constant; if samples are not finite or far beyond full scale; if the
            channel does not exist; or if the header's rate is outside `SOURCE_RATES_HZ`.
    """
    waveform, source_rate, num_channels = _decode(Path(path), channel)
    _check_values(path, waveform)
    samples, num_clipped = to_int16(resample(waveform, source_rate, sample_rate))
    return Pcm(samples, sample_rate, source_rate, num_channels, num_clipped)


def resample(waveform: np.ndarray, source_rate: int, sample_rate: int) -> np.ndarray:
    """Resamples a waveform.

    Args:
        waveform: `(T',)` float32.
        source_rate: Rate of the waveform in Hz.
        sample_rate: Rate of the result in Hz.

    Returns:
        `(ceil(T' * sample_rate / source_rate),)` float32.
    """
    if source_rate == sample_rate:
        return waveform
    common = gcd(source_rate, sample_rate)
    up, down = sample_rate // common, source_rate // common
    if max(up, down) > LARGEST_RATIO_TERM:
        from scipy.signal import resample_poly  # rarely needed, and the import takes 0.5 s

        return resample_poly(waveform, up, down)
    import torch  # takes 2 s, which packing without resampling saves

    from wavenet_ae.audio.backend import torchaudio

    with torch.inference_mode():
        return torchaudio.functional.resample(
            torch.from_numpy(waveform), source_rate, sample_rate
        ).numpy()


def to_int16(waveform: np.ndarray) -> tuple[np.ndarray, int]:
    """Round floats of full scale 1.0 to int16.

    Args:
        waveform: `(T,)` floats.

    Returns:
        The samples `(T,)` int16, and how many were beyond [-1, 1] and clipped.
    """
    scaled = np.rint(waveform * FULL_SCALE)
    samples = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return samples, int(np.count_nonzero(np.abs(waveform) > 1))


def write(path: str | Path, samples: np.ndarray, sample_rate: int) -> int:
    """Writes a mono recording as 16-bit WAV or FLAC, by its suffix.

    Args:
        path: Path that ends in .wav or .flac.
        samples: `(T,)` int16, or floats of full scale 1.0.
        sample_rate: Rate in Hz.

    Returns:
        The number of float samples that were clipped.

    Raises:
        UserError: If the suffix is another one.
    """
    path, num_clipped = Path(path), 0
    if path.suffix.lower() not in (".wav", ".flac"):
        raise UserError(f"{path}: recordings are written as .wav or .flac: change the suffix")
    if samples.dtype != np.int16:
        samples, num_clipped = to_int16(samples)
    content = io.BytesIO()  # libsndfile would drop an error of a file object
    container = path.suffix[1:].upper()
    soundfile.write(content, samples, sample_rate, format=container, subtype="PCM_16")
    write_bytes(path, content.getvalue())
    return num_clipped


def _decode(path: Path, channel: int | None) -> tuple[np.ndarray, int, int]:
    """Samples `(T',)` float32, the file's rate, and its number of channels."""
    if path.is_fifo():  # opening it would wait for a writer
        raise AudioError(path, "unreadable: a pipe. Remove it, or put its recording in a file")
    try:
        with path.open("rb") as file:
            skip = _tag_bytes(file)
            file.seek(skip)
            head = file.read(4096)
        with _opened(path, skip, head) as sound:
            _check_header(path, sound, channel)
            waveform = _read_mono(sound, channel)
            if cut := _missing(sound, head, len(waveform)):
                raise AudioError(path, f"truncated: {cut}. Copy it again, or encode what is left")
            return waveform, sound.samplerate, sound.channels
    except OSError as error:
        reason = f"unreadable: {error.strerror}. Fix the path or the file's permissions"
        raise AudioError(path, reason) from error
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: headerless files (.raw)
        said = str(getattr(error, "error_string", error)).rstrip(".")
        raise AudioError(path, f"unreadable: {said}. {_IF_UNREADABLE}") from error


def _check_header(path: Path, sound: soundfile.SoundFile, channel: int | None) -> None:
    if channel is not None and not 0 <= channel < sound.channels:
        there = f"has no channel {channel}, only 0 to {sound.channels - 1}"
        raise AudioError(path, f"{there}: fix the column `channel` of the table")
    lowest, highest = SOURCE_RATES_HZ
    if not lowest <= sound.samplerate <= highest:
        accepted = f"{lowest} to {highest} Hz are accepted: fix the header"
        raise AudioError(path, f"its header says {sound.samplerate} Hz, but {accepted}")
    if sound.frames == UNKNOWN_FRAMES and sound.seekable():  # FLAC, written to a pipe
        raise AudioError(path, "its header gives no length: decode and encode it again")


def _tag_bytes(file: BinaryIO) -> int:
    """Length of an ID3 tag, which may hold a picture, at the start of a file; 0 without one."""
    tag = file.read(10)
    if len(tag) < 10 or not tag.startswith(b"ID3"):
        return 0
    a, b, c, d = tag[6:]  # 7 bits per byte
    return 10 + (a << 21 | b << 14 | c << 7 | d)


@contextmanager
def _opened(path: Path, skip: int, head: bytes) -> Iterator[soundfile.SoundFile]:
    """Opens a recording, as a stream if its length is unknown and libsndfile would estimate it.

    libsndfile estimates the length of an MP3 without a Xing, Info or VBRI tag from the bit rate of
    its first frame, and reads no further. Through a pipe, it decodes to the end.
    """
    tagged = any(name in head[:512] for name in (b"Xing", b"Info", b"VBRI"))
    with soundfile.SoundFile(os.fsencode(path)) as sound:  # names need not be UTF-8
        if sound.format != "MP3" or tagged:
            yield sound
            return
    receiver, sender = os.pipe()

    def pump() -> None:
        with suppress(OSError), open(sender, "wb") as sink, path.open("rb") as source:
            source.seek(skip)
            shutil.copyfileobj(source, sink)

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    with soundfile.SoundFile(receiver) as sound:  # closes the pipe, which ends the thread
        yield sound
    thread.join()


def _read_mono(sound: soundfile.SoundFile, channel: int | None) -> np.ndarray:
    """Samples `(T',)` float32 of one channel, or the mean of all."""
    blocks = [np.zeros(0, np.float32)]
    while len(block := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
        with np.errstate(invalid="ignore"):  # inf - inf; _check_values rejects the recording
            blocks.append(block.mean(axis=1) if channel is None else block[:, channel].copy())
    return np.concatenate(blocks)


def _missing(sound: soundfile.SoundFile, head: bytes, num_samples: int) -> str:
    """Text that says how much less the file has than its header promises; "" if it is complete."""
    promised, unit, there = sound.frames, "samples", num_samples
    if sound.format == "NIST" and (count := _SPHERE_COUNT.search(head)):
        promised = int(count[1])
    elif found := _RF64_CUT.search(sound.extra_info):
        promised = int(found[2])
    elif (found := _CHUNK_CUT.search(sound.extra_info)) and not _is_streamed(int(found[1])):
        promised, unit, there = int(found[1]), "bytes", int(found[2])
    tolerance = MP3_TOLERANCE_SAMPLES if sound.format == "MP3" else 0
    if promised == UNKNOWN_FRAMES or there >= promised - tolerance:
        return ""
    return f"its header promises {promised} {unit}, there are {there}"


def _is_streamed(size: int) -> bool:
    """Returns whether a chunk's size in the header is a placeholder.

    A program that writes to a pipe cannot know the size and writes 2^31 or 2^32, or a little less;
    such a recording ends where the file does.
    """
    return size % 2**31 >= 2**31 - 4096


def _check_values(path: str | Path, waveform: np.ndarray) -> None:
    if not len(waveform):
        size = Path(path).stat().st_size  # an interrupted recorder leaves a count of 0
        empty = f"empty: 0 samples in a file of {counted(size, 'byte')}"
        raise AudioError(path, f"{empty}. Export it again, or remove it")
    low, high = float(waveform.min()), float(waveform.max())
    if not np.isfinite(waveform).all():
        bad = int(np.count_nonzero(~np.isfinite(waveform)))
        found = f"non-finite: {bad} of {counted(len(waveform), 'sample')} are NaN or infinite"
        raise AudioError(path, f"{found}. Export it again, or remove it")
    if (peak := max(-low, high)) > LARGEST_PEAK:
        raise AudioError(
            path,
            f"out of range: its peak is {peak:g}, where full scale is 1.0. Store its samples as "
            "integers, or divide them (by 32768, if they were 16 bits)",
        )
    if high - low < 1 / FULL_SCALE:  # less than a step at 16 bits: silence or an offset
        constant = f"constant: every sample is {round(high * FULL_SCALE)} at 16 bits"
        raise AudioError(path, f"{constant}. Remove it: it holds no speech")
