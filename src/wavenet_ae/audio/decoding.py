"""Decoding by libsndfile: blocks of mono samples, and what is known of their values.

file --opened--> (T', channels) --mono_blocks--> (n,), (n,), ... --Values.of--> those to use
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from wavenet_ae.audio.integrity import MP3_TAGS
from wavenet_ae.audio.waveforms import FULL_SCALE, LARGEST_PEAK
from wavenet_ae.errors import counted

BLOCK_FRAMES = 1 << 18  # decoded at a time, all channels of them


def tag_bytes(file: BinaryIO) -> int:
    """Returns the length of an ID3 tag, which may hold a picture, at the start of a file, or 0."""
    tag = file.read(10)
    if len(tag) < 10 or not tag.startswith(b"ID3"):
        return 0
    a, b, c, d = tag[6:]  # 7 bits per byte
    return 10 + (a << 21 | b << 14 | c << 7 | d)


@contextmanager
def opened(path: Path, skip: int, head: bytes) -> Iterator[soundfile.SoundFile]:
    """Opens a recording, as a stream if its length is unknown and libsndfile would estimate it.

    libsndfile estimates the length of an MP3 without a Xing, Info or VBRI tag from the bit rate of
    its first frame, and reads no further. Through a pipe, it decodes to the end.

    Args:
        path: The recording.
        skip: Bytes of an ID3 tag at its start.
        head: The bytes that follow.
    """
    tagged = any(name in head[:512] for name in MP3_TAGS)
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


def mono_blocks(
    sound: soundfile.SoundFile, channel: int | None, num_frames: int | None
) -> Iterator[np.ndarray]:
    """Returns blocks `(n,)` float32 of one channel, or of the mean of all.

    Args:
        sound: An opened recording.
        channel: The channel, from 0; None for the mean of all.
        num_frames: How many frames to decode; None for all.
    """
    return mono(_blocks(sound, num_frames), channel)


def mono(blocks: Iterator[np.ndarray], channel: int | None) -> Iterator[np.ndarray]:
    """Yields one channel, or the mean of all, of blocks `(n, channels)`: blocks `(n,)`."""
    for block in blocks:
        with np.errstate(invalid="ignore"):  # inf - inf, which is rejected
            yield block.mean(axis=1) if channel is None else block[:, channel].copy()


def _blocks(sound: soundfile.SoundFile, num_frames: int | None) -> Iterator[np.ndarray]:
    left = num_frames if num_frames is not None else sys.maxsize
    while left and len(block := _block(sound, min(BLOCK_FRAMES, left))):
        left -= len(block)
        yield block


def _block(sound: soundfile.SoundFile, num_frames: int) -> np.ndarray:
    return sound.read(num_frames, dtype="float32", always_2d=True)


@dataclass
class Values:
    """What is known of the values of a waveform, block by block.

    Attributes:
        num_samples: Number of samples.
        num_bad: Number of samples that are NaN or infinite.
        low: The smallest of the others.
        high: The largest of the others.
    """

    num_samples: int = 0
    num_bad: int = 0
    low: float = float("inf")
    high: float = float("-inf")

    def of(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Passes blocks on, none of them after one with values that cannot be used."""
        for block in blocks:
            self.num_samples += len(block)
            is_finite = np.isfinite(block)
            self.num_bad += len(block) - int(np.count_nonzero(is_finite))
            self.low = float(np.min(block, where=is_finite, initial=self.low))
            self.high = float(np.max(block, where=is_finite, initial=self.high))
            if not self.num_bad and self.peak <= LARGEST_PEAK:
                yield block

    @property
    def peak(self) -> float:
        return max(-self.low, self.high)

    def problem(self, path: Path, accept_constant: bool) -> str:
        """Returns why a waveform cannot be used, or ""."""
        if not self.num_samples:
            size = path.stat().st_size  # an interrupted recorder leaves a count of 0
            empty = f"empty: 0 samples in a file of {counted(size, 'byte')}"
            return f"{empty}. Export it again, or remove it"
        if self.num_bad:
            found = f"{self.num_bad} of {counted(self.num_samples, 'sample')} are NaN or infinite"
            return f"non-finite: {found}. Export it again, or remove it"
        if self.peak > LARGEST_PEAK:
            return (
                f"out of range: its peak is {self.peak:g}, where full scale is 1.0. Store its "
                "samples as integers, or divide them (by 32768, if they were 16 bits)"
            )
        # Less than a step at 16 bits: silence or an offset.
        if self.high - self.low < 1 / FULL_SCALE and not accept_constant:
            constant = f"constant: every sample is {round(self.high * FULL_SCALE)} at 16 bits"
            return f"{constant}. Remove it: it holds no speech"
        return ""
