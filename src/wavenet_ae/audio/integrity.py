"""Whether what was decoded is the whole of a recording, by what its container says.

libsndfile reads a truncated container as a shorter recording, and in some formats takes bytes after
the samples for samples; what the header promised stands in its log at best.
"""

from __future__ import annotations

import re
from pathlib import Path

import soundfile

from wavenet_ae.audio.frames import mpeg_samples, ogg_damage

UNKNOWN_FRAMES = 2**63 - 1
# An MP3's tag counts whole frames of 1152 samples; encoders pad both ends by varying amounts.
MP3_TOLERANCE_SAMPLES = 2 * 1152
MP3_TAGS = (b"Xing", b"Info", b"VBRI")  # each counts the frames
COPY = "Copy it again, or encode what is left"

_LARGEST_DATA_BYTES = 1 << 40  # more is a placeholder of a program that writes to a pipe
_SAMPLE_BYTES = {
    **{"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4},
    **{"FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1},
}
# What libsndfile logs of a header: the number of frames, or of bytes that end in samples.
_FRAMES_LOGGED = {
    "AVR": r"Frames\s*: (\d+)",
    "MPC2K": r"Frames\s*: (\d+)",
    "WVE": r"Data length (\d+) should be",
    "MAT4": r"(?s).*Cols\s*: (\d+)",
    "MAT5": r"(?s).*Cols\s*: (\d+)",
}
_BYTES_LOGGED = {  # and how many of these bytes come before the samples
    "CAF": (r"^data : (\d+)", 4),
    "SVX": (r"^ BODY : (\d+)", 0),
    "W64": (r"^data : (\d+)", 24),
}
_VALID_FRAMES = re.compile(r"^ *Valid frames *: (\d+)", re.M)
_CHUNK_CUT = re.compile(r"^\s*(?:data|Data Size|SSND|riff)\s*: (\d+) \(should be (\d+)\)", re.M)
_RF64_CUT = re.compile(r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
_SPHERE_COUNT = re.compile(rb"\bsample_count -i (\d+)")
_VOC_SOUND = {1: 2, 9: 12}  # types of blocks that hold samples, and bytes before these


def promised_frames(sound: soundfile.SoundFile, head: bytes) -> int | None:
    """Returns how many frames a header promises; None if libsndfile knows best.

    Args:
        sound: The recording, opened.
        head: Its first 4096 bytes.
    """
    kind, log = sound.format, sound.extra_info
    if kind == "NIST":
        count = _SPHERE_COUNT.search(head)
        return int(count[1]) if count else None
    if kind in _FRAMES_LOGGED:
        logged = re.search(_FRAMES_LOGGED[kind], log)
        return int(logged[1]) if logged else None
    if kind == "VOC":
        block = _voc_block(head)
        return _in_frames(block[1], sound) if block else None
    if packets := _VALID_FRAMES.search(log):  # CAF of compressed samples
        return int(packets[1])
    if kind in _BYTES_LOGGED:
        pattern, num_before = _BYTES_LOGGED[kind]
        logged = re.search(pattern, log, re.M)
        return _in_frames(int(logged[1]) - num_before, sound) if logged else None
    return None


def _in_frames(num_bytes: int, sound: soundfile.SoundFile) -> int | None:
    sample_bytes = _SAMPLE_BYTES.get(sound.subtype)
    if sample_bytes is None or not 0 <= num_bytes < _LARGEST_DATA_BYTES:
        return None
    return num_bytes // (sample_bytes * sound.channels)


def _voc_block(head: bytes) -> tuple[int, int] | None:
    """Returns where the samples of a Creative Voice file begin, and the size of its first block in
    bytes.
    """
    position = int.from_bytes(head[20:22], "little")
    while position + 4 <= len(head):
        kind, size = head[position], int.from_bytes(head[position + 1 : position + 4], "little")
        if kind in _VOC_SOUND:
            return position + 4 + _VOC_SOUND[kind], size - _VOC_SOUND[kind]
        position += 4 + size
    return None


def problem_before(path: Path, sound: soundfile.SoundFile, head: bytes) -> str:
    """Returns why a recording cannot be decoded as a whole, or "" if it may be.

    Args:
        path: The recording.
        sound: The recording, opened.
        head: Its first 4096 bytes.
    """
    if sound.frames == UNKNOWN_FRAMES and sound.seekable():  # FLAC, written to a pipe
        return "its header gives no length: decode and encode it again"
    if sound.format == "OGG" and (damage := ogg_damage(path)):
        return f"{damage}. {COPY}"
    if sound.format == "VOC" and (block := _voc_block(head)):
        with path.open("rb") as file:
            file.seek(sum(block))
            if file.read(1) not in (b"", b"\0"):  # libsndfile takes its header for samples
                return (
                    "unreadable: it has several blocks, of which only the first can be read. "
                    "Convert it to WAV or FLAC"
                )
    return ""


def problem_after(
    path: Path, sound: soundfile.SoundFile, head: bytes, skip: int, num_samples: int
) -> str:
    """Returns how much less was decoded than there should be; "" if it is all.

    Args:
        path: The recording.
        sound: The recording, opened and read to its end.
        head: Its first 4096 bytes.
        skip: Length of its ID3 tag.
        num_samples: Samples that were decoded of each channel.
    """
    if sound.format == "MP3" and not any(tag in head[:512] for tag in MP3_TAGS):
        there = mpeg_samples(path, skip)
        if num_samples >= there - 2 * MP3_TOLERANCE_SAMPLES:
            return ""
        lost = f"damaged: of {there} samples, {num_samples} can be decoded"
        return f"{lost}. Copy it again, or repair it with an MP3 tool"
    promised, unit, there = sound.frames, "samples", num_samples
    if (frames := promised_frames(sound, head)) is not None:
        promised = frames
    elif found := _RF64_CUT.search(sound.extra_info):
        promised = int(found[2])
    elif (found := _CHUNK_CUT.search(sound.extra_info)) and not _is_streamed(int(found[1])):
        promised, unit, there = int(found[1]), "bytes", int(found[2])
    tolerance = MP3_TOLERANCE_SAMPLES if sound.format == "MP3" else 0
    if promised == UNKNOWN_FRAMES or there >= promised - tolerance:
        return ""
    return f"truncated: its header promises {promised} {unit}, there are {there}. {COPY}"


def _is_streamed(size: int) -> bool:
    """Returns whether a chunk's size in the header is a placeholder.

    A program that writes to a pipe cannot know the size and writes 2^31 or 2^32, or a little less;
    such a recording ends where the file does.
    """
    return size % 2**31 >= 2**31 - 4096
