"""Frames of MP3 and pages of Ogg files, read one after another without decoding them.

libsndfile passes over what it cannot decode, and where it loses its place in an MP3, it ends there:
what it returns looks like a shorter recording.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_RATES_HZ = (44_100, 48_000, 32_000)  # of MPEG-1; half and a quarter of them in 2 and 2.5
_BIT_RATES = {  # kbit/s; (is MPEG-1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Frame:
    """Header of an MPEG audio frame.

    Attributes:
        stream: Version, layer and rate, which all frames of a recording share.
        num_bytes: Size of the frame.
        num_samples: Samples of each channel in it.
    """

    stream: tuple[int, int, int]
    num_bytes: int
    num_samples: int


def mpeg_samples(path: Path, start: int) -> int:
    """Counts the samples of each channel in the frames of an MPEG audio file.

    Bytes between frames that belong to none are skipped.

    Args:
        path: The file, not empty.
        start: Byte after its tag.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        total, position, first = 0, start, None
        while True:
            frame = _frame(content, position)
            if frame is None or (first and frame.stream != first.stream):
                position = _next_frame(content, position, first)
                if position < 0:
                    return total
                continue
            first = first or frame
            total += frame.num_samples
            position += frame.num_bytes


def _frame(content: mmap.mmap, position: int) -> _Frame | None:
    """Returns the frame that begins at a byte; None if none does."""
    header = content[position : position + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # 3: MPEG-1, 2: 2, 0: 2.5
    bit_rate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    is_first = version == 3
    sample_rate = _SAMPLE_RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    num_samples = {1: 384, 2: 1152, 3: 1152 if is_first else 576}[layer]
    unit = 4 if layer == 1 else 1  # bytes of padding
    num_units = num_samples // 8 * _BIT_RATES[is_first, layer][bit_rate - 1] * 1000 // unit
    num_bytes = (num_units // sample_rate + padding) * unit
    return _Frame((version, layer, sample_rate), num_bytes, num_samples)


def _next_frame(content: mmap.mmap, position: int, like: _Frame | None) -> int:
    """The next byte at which a frame begins that another one follows, or that ends the file; -1
    without one."""
    while (position := content.find(b"\xff", position + 1)) >= 0:
        frame = _frame(content, position)
        if frame and (like is None or frame.stream == like.stream):
            after = position + frame.num_bytes
            following = _frame(content, after)
            if after == len(content) or (following and following.stream == frame.stream):
                return position
    return -1


def ogg_damage(path: Path) -> str:
    """Returns what is wrong with the pages of an Ogg file, or "" if it is whole (RFC 3533).

    Args:
        path: The file, not empty.
    """
    expected: dict[bytes, int] = {}  # number of the next page of each stream that has not ended
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for page in _ogg_pages(content):
            if page is None:
                return "damaged: a page of it is not as it was written"
            is_last, serial = page[5] & 4, page[14:18]
            number = int.from_bytes(page[18:22], "little")
            if number != expected.get(serial, number):
                return f"damaged: pages are missing before page {number}"
            expected[serial] = number + 1
            if is_last:
                del expected[serial]
    return "truncated: its last page is missing" if expected else ""


def _ogg_pages(content: mmap.mmap) -> Iterator[bytes | None]:
    """Yields the pages that are complete; None for one whose checksum is another."""
    position = 0
    while content[position : position + 4] == b"OggS":
        if position + 27 > len(content):
            return
        num_segments = content[position + 26]
        body = position + 27 + num_segments
        stop = body + sum(content[position + 27 : body])
        page = content[position:stop]
        if body > len(content) or stop > len(content):
            return
        yield page if _ogg_checksum(page) == page[22:26] else None
        position = stop


def _ogg_checksum(page: bytes) -> bytes:
    """Returns the CRC-32 of a page with its own field set to 0, as Ogg computes it: highest bit
    first, with neither a start value nor a final inversion.  zlib's goes from the lowest bit on.
    """
    reversed_page = (page[:22] + bytes(4) + page[26:]).translate(_REVERSED_BITS)
    crc = zlib.crc32(reversed_page, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_REVERSED_BITS)
