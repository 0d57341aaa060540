"""Odd but legal, and damaged, recordings made byte by byte, and what must become of each."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
import soundfile

RATE = 16_000
# How a line to the user may end.
CONVERT = r"\. Convert it to WAV or FLAC, or remove it if it holds no audio$"
EXPORT = r"\. Export it again, or remove it$"
COPY = r"\. Copy it again, or encode what is left$"


@dataclass(frozen=True)
class Usable:
    """length  samples at 16 kHz, to a millisecond; like: whose sound it has, if not `speech`"""

    content: bytes
    length: int = RATE
    like: np.ndarray | None = None


@dataclass(frozen=True)
class Rejected:
    """reason  a pattern of the whole text after the file's name, with its advice"""

    content: bytes
    reason: str


def speech(rate: int = RATE, seconds: float = 1.0, pitch_hz: float = 170.0) -> np.ndarray:
    """(T,) floats that sound alike at every rate: harmonics that come and go, below 2 kHz."""
    time = np.arange(round(rate * seconds)) / rate
    harmonics = [np.sin(2 * np.pi * n * pitch_hz * time + n * n) / n for n in range(1, 12)]
    return 0.2 * np.sum(harmonics, axis=0) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))


def pcm(wave: np.ndarray) -> np.ndarray:
    return np.rint(wave * 32767).astype(np.int16)


def encoded(samples: np.ndarray, rate: int = RATE, container: str = "WAV", **how: object) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, **how)
    return file.getvalue()


def wav(
    samples: bytes | None = None,
    channels: int = 1,
    rate: int = RATE,
    promised: int | None = None,
    before: bytes = b"",
) -> bytes:
    """16 bits; `promised` is the size the header gives, `before` are chunks ahead of the data."""
    samples = pcm(speech()).tobytes() if samples is None else samples
    promised = len(samples) if promised is None else promised
    frame = 2 * channels % 2**16
    form = struct.pack("<HHIIHH", 1, channels, rate, frame * rate % 2**32, frame, 16)
    chunks = before + b"data" + struct.pack("<I", promised) + samples
    size = min(promised + len(before) + 36, 0xFFFFFFFF)
    return b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<I", 16) + form + chunks


def with_nan(wave: np.ndarray) -> np.ndarray:
    wave = wave.copy()
    wave[100:150] = np.nan
    return wave


# 13 bytes, and one that pads them to an even place: `INFO`, and a chunk of one byte in it.
ODD_LIST = b"LIST" + struct.pack("<I", 13) + b"INFOIART" + struct.pack("<I", 1) + b"x" + b"\0"
APPLE_DOUBLE = struct.pack(">II", 0x00051607, 0x00020000) + b"Mac OS X        " + bytes(4064)
CUT_MP3 = encoded(speech(), container="MP3")
VOICES = [speech(pitch_hz=130.0), speech(pitch_hz=210.0)]
TWO_SPEAKERS = np.stack([speech(44_100, 1, 130.0), speech(44_100, 1, 210.0)], axis=1)

USABLE = {
    "8 bits.wav": Usable(encoded(speech(11_025), 11_025, subtype="PCM_U8")),
    "sun.au": Usable(encoded(speech(), container="AU")),
    "mpeg 2.mp3": Usable(encoded(speech(), container="MP3")),
    "24 bits.flac": Usable(encoded(speech(), container="FLAC", subtype="PCM_24")),
    "32 bits.wav": Usable(encoded(speech(), subtype="PCM_32")),
    "float.wav": Usable(encoded(speech(), subtype="FLOAT")),
    "double.wav": Usable(encoded(speech(), subtype="DOUBLE")),
    "sphere.wav": Usable(encoded(speech(), container="NIST")),
    "flac.wav": Usable(encoded(speech(), container="FLAC")),
    "wave64.w64": Usable(encoded(speech(), container="W64")),
    "48k.opus": Usable(encoded(speech(48_000), 48_000, container="OGG", subtype="OPUS")),
    "a-law.wav": Usable(encoded(speech(8000), 8000, subtype="ALAW")),
    "mu-law.wav": Usable(encoded(speech(8000), 8000, subtype="ULAW")),
    "telephone.wav": Usable(encoded(speech(8000), 8000)),
    "44099.wav": Usable(encoded(speech(44_099), 44_099)),
    "UPPER CASE and späces ü.WAV": Usable(wav()),
    "a/same.wav": Usable(wav()),
    "b/same.wav": Usable(wav()),
    "odd list.wav": Usable(wav(before=ODD_LIST)),
    "from a pipe.wav": Usable(wav(promised=0xFFFFFFFF)),
    "bytes after its end.wav": Usable(wav() + b"x"),
    "clipped.wav": Usable(encoded(4 * speech(), subtype="FLOAT"), like=(4 * speech()).clip(-1, 1)),
    "two speakers.wav": Usable(encoded(TWO_SPEAKERS, 44_100), like=sum(VOICES) / 2),
    # The file cannot tell that its header lies; the recording is an octave down and twice as long.
    "half the rate.wav": Usable(wav(rate=8000), 2 * RATE, np.repeat(speech(), 2)),
    "late.wav": Usable(
        wav(bytes(20 * RATE) + pcm(speech()).tobytes()),
        11 * RATE,
        np.concatenate([np.zeros(10 * RATE), speech()]),
    ),
    "400 samples.wav": Usable(wav(pcm(speech())[:400].tobytes()), 400),
    "399 samples.wav": Usable(wav(pcm(speech())[:399].tobytes()), 399),
    "10 samples.wav": Usable(wav(pcm(speech())[:10].tobytes()), 10),
}

REJECTED = {
    "text.wav": Rejected(
        b"This is not a sound.\n" * 20, "unreadable: Format not recogni[sz]ed" + CONVERT
    ),
    "nothing.wav": Rejected(b"", "unreadable: .+" + CONVERT),
    "half a header.wav": Rejected(wav()[:20], "unreadable: .*Malformed 'fmt ' chunk" + CONVERT),
    "no channels.wav": Rejected(wav(channels=0), "unreadable: Channel count is zero" + CONVERT),
    "65535 channels.wav": Rejected(
        wav(channels=65535), "unreadable: Too many channels.*" + CONVERT
    ),
    "header.wav": Rejected(wav(b""), "empty: 0 samples in a file of 44 bytes" + EXPORT),
    # What a recorder leaves that was switched off.
    "unfinished.wav": Rejected(
        wav(promised=0), "empty: 0 samples in a file of 32044 bytes" + EXPORT
    ),
    "cut.wav": Rejected(
        wav()[:20_000],
        "truncated: its header promises 32000 bytes, there are 19956" + COPY,
    ),
    "cut mid frame.mp3": Rejected(
        CUT_MP3[: len(CUT_MP3) * 6 // 10 + 1],
        r"truncated: its header promises 16000 samples, there are \d+" + COPY,
    ),
    "1 Hz.wav": Rejected(
        wav(rate=1), "its header says 1 Hz, but 1000 to 768000 Hz are accepted: fix the header$"
    ),
    "2 GHz.wav": Rejected(
        wav(rate=2**31 - 1), "its header says 2147483647 Hz, but 1000 to .+: fix the header$"
    ),
    "767999 Hz.wav": Rejected(
        wav(rate=767_999),
        "its header says 767999 Hz, which cannot be resampled to 16000 Hz: fix the header$",
    ),
    "nan.wav": Rejected(
        encoded(np.full(RATE, np.nan), subtype="FLOAT"),
        "non-finite: 16000 of 16000 samples are NaN or infinite" + EXPORT,
    ),
    "some nan.wav": Rejected(
        encoded(with_nan(speech()), subtype="FLOAT"),
        "non-finite: 50 of 16000 samples are NaN or infinite" + EXPORT,
    ),
    "infinite either way.wav": Rejected(
        encoded(np.array([[np.inf, -np.inf]] * 100), subtype="FLOAT"), "non-finite: 100 of 100 .+"
    ),
    "integers as floats.wav": Rejected(
        encoded(32767 * speech(), subtype="FLOAT"),
        r"out of range: its peak is \d+, where full scale is 1.0\. Store its samples as integers, "
        r"or divide them \(by 32768, if they were 16 bits\)$",
    ),
    "constant.wav": Rejected(
        wav(pcm(np.full(RATE, 0.5)).tobytes()),
        r"constant: every sample is 16384 at 16 bits\. Remove it: it holds no speech$",
    ),
    "denormal.wav": Rejected(
        encoded(1e-40 * speech(), subtype="FLOAT"),
        r"constant: every sample is 0 at 16 bits\. Remove it: it holds no speech$",
    ),
}
