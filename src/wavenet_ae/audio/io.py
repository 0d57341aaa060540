"""Recordings in, recordings out: whatever soundfile decodes becomes int16 at the asked rate.

    file --decode--> (T', channels) --downmix or channel--> (T',) --resample--> (T,) --> int16

A file that cannot be used raises `AudioError` with the reason and a remedy; a file that is
written appears under its name only when it is complete.
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

from wavenet_ae.errors import UserError
from wavenet_ae.storage import write_bytes

BLOCK_FRAMES = 1 << 20  # decoded at once, so that only the asked channel of a long file is held
FULL_SCALE = 32768
# Float files overshoot full scale (1.0) by a few decibels; +18 dB is integers stored as floats.
LARGEST_PEAK = 8.0
SOURCE_RATES_HZ = (1000, 768_000)  # no speech is recorded below, bats are at the upper end
# torchaudio's kernel is as large as the product of both terms of the reduced ratio: 160 * 441 from
# 44.1 to 16 kHz, but 16000 * 44099 from 44099 Hz, which is gigabytes.
LARGEST_RATIO_TERM = 1000
UNKNOWN_FRAMES = 2**63 - 1
# An MP3's tag counts whole frames of 1152 samples; what encoders add at both ends varies.
MP3_TOLERANCE_SAMPLES = 2 * 1152

# libsndfile shortens a container to the bytes that are there and says so in its log only.
_CHUNK_CUT = re.compile(r"^\s*(?:data|Data Size|SSND|riff)\s*: (\d+) \(should be (\d+)\)", re.M)
_RF64_CUT = re.compile(r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
_SPHERE_COUNT = re.compile(rb"\bsample_count -i (\d+)")
_IF_UNREADABLE = "Convert it to WAV or FLAC, or remove it if it holds no audio"


class AudioError(UserError):
    """A recording that cannot be used; `reason` is the text without the file's name.

    It says what is wrong, and after that what can be done.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Pcm:
    """A mono recording.

    samples       (T,) int16, full scale 32768
    sample_rate   of `samples`, in Hz
    source_rate   that the file says it has, in Hz
    num_channels  of the file
    num_clipped   samples that lay beyond full scale and were set to it
    """

    samples: np.ndarray
    sample_rate: int
    source_rate: int
    num_channels: int
    num_clipped: int


def read(path: str | Path, sample_rate: int, channel: int | None = None) -> Pcm:
    """Decode a recording by its content, whatever its suffix says, and resample it.

    `channel` counts from 0; None takes the mean of all channels.  Raises AudioError where the
    file is unreadable, empty, truncated (fewer samples than its header promises), constant, has
    samples that are not finite or far beyond full scale, or lacks the channel, or where its
    header gives a rate outside SOURCE_RATES_HZ.
    """
    waveform, source_rate, num_channels = _decode(Path(path), channel)
    _check_values(path, waveform)
    samples, num_clipped = to_int16(resample(waveform, source_rate, sample_rate))
    return Pcm(samples, sample_rate, source_rate, num_channels, num_clipped)


def resample(waveform: np.ndarray, source_rate: int, sample_rate: int) -> np.ndarray:
    """(T',) float32 at one rate to (ceil(T' * sample_rate / source_rate),) at another."""
    if source_rate == sample_rate:
        return waveform
    common = gcd(source_rate, sample_rate)
    up, down = sample_rate // common, source_rate // common
    if max(up, down) > LARGEST_RATIO_TERM:
        from scipy.signal import resample_poly  # half a second, and rarely needed

        return resample_poly(waveform, up, down)
    import torch  # two seconds that a process which packs does without, where rates agree

    from wavenet_ae.audio.backend import torchaudio

    with torch.inference_mode():
        return torchaudio.functional.resample(
            torch.from_numpy(waveform), source_rate, sample_rate
        ).numpy()


def to_int16(waveform: np.ndarray) -> tuple[np.ndarray, int]:
    """Round (T,) floats, full scale 1.0, to int16; also the number of samples beyond [-1, 1]."""
    scaled = np.rint(waveform * FULL_SCALE)
    samples = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return samples, int(np.count_nonzero(np.abs(waveform) > 1))


def write(path: str | Path, samples: np.ndarray, sample_rate: int) -> int:
    """Write (T,) int16, or floats of full scale 1.0, as 16-bit WAV or FLAC by suffix.

    Returns the number of float samples that had to be clipped.
    """
    path, num_clipped = Path(path), 0
    if path.suffix.lower() not in (".wav", ".flac"):
        raise UserError(f"{path}: recordings are written as .wav or .flac")
    if samples.dtype != np.int16:
        samples, num_clipped = to_int16(samples)
    content = io.BytesIO()  # libsndfile would drop an error of a file object
    container = path.suffix[1:].upper()
    soundfile.write(content, samples, sample_rate, format=container, subtype="PCM_16")
    write_bytes(path, content.getvalue())
    return num_clipped


def _decode(path: Path, channel: int | None) -> tuple[np.ndarray, int, int]:
    """(T',) float32 as decoded, the file's rate and its number of channels."""
    if path.is_fifo():  # to open it would wait for somebody to write
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
        reason = f"unreadable: {error.strerror}. Mend the path or the file's permissions"
        raise AudioError(path, reason) from error
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: headerless files (.raw)
        said = str(getattr(error, "error_string", error)).rstrip(".")
        raise AudioError(path, f"unreadable: {said}. {_IF_UNREADABLE}") from error


def _check_header(path: Path, sound: soundfile.SoundFile, channel: int | None) -> None:
    if channel is not None and not 0 <= channel < sound.channels:
        there = f"has no channel {channel}, only 0 to {sound.channels - 1}"
        raise AudioError(path, f"{there}: mend the column `channel` of the table")
    lowest, highest = SOURCE_RATES_HZ
    if not lowest <= sound.samplerate <= highest:
        accepted = f"{lowest} to {highest} Hz are read: mend the header"
        raise AudioError(path, f"its header says {sound.samplerate} Hz, but {accepted}")
    if sound.frames == UNKNOWN_FRAMES and sound.seekable():  # FLAC, written to a pipe
        raise AudioError(path, "its header gives no length: decode and encode it again")


def _tag_bytes(file: BinaryIO) -> int:
    """The length of an ID3 tag, which may hold a picture, at the start of a file."""
    tag = file.read(10)
    if len(tag) < 10 or not tag.startswith(b"ID3"):
        return 0
    a, b, c, d = tag[6:]  # 7 bits a byte
    return 10 + (a << 21 | b << 14 | c << 7 | d)


@contextmanager
def _opened(path: Path, skip: int, head: bytes) -> Iterator[soundfile.SoundFile]:
    """The file, or a stream of it if its length is unknown and libsndfile would guess it.

    An MP3 without a Xing, Info or VBRI tag is as long as its first frame's bit rate suggests,
    and read no further.  Through a pipe it is decoded to its end.
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
    """(T',) float32: one channel, or the mean of all."""
    blocks = [np.zeros(0, np.float32)]
    while len(block := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
        with np.errstate(invalid="ignore"):  # inf - inf: found later, and the recording rejected
            blocks.append(block.mean(axis=1) if channel is None else block[:, channel].copy())
    return np.concatenate(blocks)


def _missing(sound: soundfile.SoundFile, head: bytes, num_samples: int) -> str:
    """What the header promises and the file lacks, in words; "" where nothing is missing."""
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
    """Programs that write to a pipe cannot know a chunk's size and give 2^31 or 2^32, or a
    little less: such a recording ends where the file does."""
    return size % 2**31 >= 2**31 - 4096


def _check_values(path: str | Path, waveform: np.ndarray) -> None:
    if not len(waveform):
        size = Path(path).stat().st_size  # a recorder that was cut off leaves a count of 0
        empty = f"empty: 0 samples in a file of {size} bytes"
        raise AudioError(path, f"{empty}. Export it again, or remove it")
    low, high = float(waveform.min()), float(waveform.max())
    if not np.isfinite(waveform).all():
        bad = int(np.count_nonzero(~np.isfinite(waveform)))
        counted = f"non-finite: {bad} of {len(waveform)} samples are NaN or infinite"
        raise AudioError(path, f"{counted}. Export it again, or remove it")
    if (peak := max(-low, high)) > LARGEST_PEAK:
        raise AudioError(
            path,
            f"out of range: its peak is {peak:g}, where full scale is 1.0. Store its samples as "
            "integers, or divide them (by 32768, if they were 16 bits)",
        )
    if high - low < 1 / FULL_SCALE:  # no step at 16 bits: silence, or an offset alone
        constant = f"constant: every sample is {round(high * FULL_SCALE)} at 16 bits"
        raise AudioError(path, f"{constant}. Remove it: it holds no speech")
