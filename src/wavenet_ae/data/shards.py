"""Chunks of recordings, and the shards into which they are decoded.

    chunk --pack_chunk--> shard-00000.bin   int16 samples, one recording after another
                          shard-00000.tsv   result for each recording

A shard's table appears after its samples, and both only when complete, so a chunk with a table is
done: interrupted packing continues with the chunks that have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from wavenet_ae.audio import ffmpeg
from wavenet_ae.audio import io as files
from wavenet_ae.audio.ffmpeg import FFMPEG_SUFFIXES
from wavenet_ae.data.corpus import FORMAT
from wavenet_ae.data.recordings import Recording
from wavenet_ae.data.tables import (
    digest_of,
    encoded_table,
    new_digest,
    read_columns,
    remedy,
    sealed,
    whole_numbers,
)
from wavenet_ae.errors import UserError
from wavenet_ae.storage import atomic_write

# A chunk is a 64th of the corpus, but at least 4 and at most 128 MiB of files.
NUM_CHUNKS = 64
SMALLEST_CHUNK_BYTES = 4 << 20
LARGEST_CHUNK_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Packed:
    """Result for a recording, a row of a shard's table.

    Attributes:
        key: Key of the recording.
        start: First sample in the shard.
        length: Number of samples at the packed rate.
        digest: Hash of these samples.
        num_mixed: Channels that were averaged.
        num_clipped: Samples beyond full scale.
        reason: Why the recording is unusable, or "".
    """

    key: str
    start: int
    length: int
    digest: str
    num_mixed: int
    num_clipped: int
    reason: str = ""


@dataclass(frozen=True)
class Chunk:
    """Recordings that share a shard.

    Attributes:
        samples: The shard.
        table: Its table.
        recordings: The recordings, in order of their keys.
        sample_rate: Rate of the shard in Hz.
        num_bytes: Size of the recordings' files.
    """

    samples: Path
    table: Path
    recordings: tuple[Recording, ...]
    sample_rate: int
    num_bytes: int

    @property
    def is_packed(self) -> bool:
        """Whether the shard and its table exist."""
        return self.table.is_file() and self.samples.is_file()

    def rows(self) -> list[Packed]:
        """Reads the table.

        Raises:
            UserError: If the table is damaged.
        """
        table = read_columns(self.table, [each.name for each in fields(Packed)])
        numbers = {
            name: whole_numbers(table[name], self.table, name).tolist()
            for name in ("start", "length", "num_mixed", "num_clipped")
        }
        columns: list[Sequence[Any]] = [*(table | numbers).values()]  # in the order of the fields
        rows = [Packed(*row) for row in zip(*columns, strict=True)]
        ends = list(accumulate(row.length for row in rows))
        is_whole = [row.key for row in rows] == [each.key for each in self.recordings] and [
            row.start for row in rows
        ] == [0, *ends[:-1]]
        if not is_whole:  # of a table without a digest, which earlier versions wrote
            raise UserError(
                f"{self.table} is damaged: its rows are not those of its recordings. "
                f"{remedy(self.table)}"
            )
        return rows


def plan(recordings: Sequence[Recording], cache: Path, sample_rate: int) -> list[Chunk]:
    """Divides recordings into chunks, equally in every run that finds the same files.

    Recordings that need ffmpeg are decoded again once it is installed. Where it is not, shards that
    it has filled elsewhere are used, if they are complete.

    Args:
        recordings: Whole recordings of a source.
        cache: Folder below which the shards' folder lies.
        sample_rate: Rate of the shards in Hz.
    """
    recordings = sorted(recordings, key=lambda recording: recording.key)
    stats = [_size_and_time(recording.path) for recording in recordings]
    chunks = _chunks(recordings, stats, cache, (FORMAT, sample_rate))
    if not any(each.path.suffix.lower() in FFMPEG_SUFFIXES for each in recordings):
        return chunks
    by_ffmpeg = _chunks(recordings, stats, cache, (FORMAT, sample_rate, "ffmpeg"))
    if ffmpeg.is_available() or all(chunk.is_packed for chunk in by_ffmpeg):
        return by_ffmpeg
    return chunks


def _chunks(
    recordings: Sequence[Recording],
    stats: Sequence[tuple[int, int]],
    cache: Path,
    settings: tuple[int, int] | tuple[int, int, str],
) -> list[Chunk]:
    """Chunks in the folder that recordings, their sizes and times, and the settings name."""
    identity = (
        (recording.key, recording.path.absolute(), recording.channel, *stat)
        for recording, stat in zip(recordings, stats, strict=True)
    )
    folder = cache / digest_of(encoded_table(chain([settings], identity)))
    sizes = [max(size, 0) for size, _ in stats]
    limit = min(max(sum(sizes) // NUM_CHUNKS, SMALLEST_CHUNK_BYTES), LARGEST_CHUNK_BYTES)
    return [
        Chunk(
            folder / f"shard-{number:05d}.bin",
            folder / f"shard-{number:05d}.tsv",
            tuple(recordings[first:stop]),
            settings[1],
            sum(sizes[first:stop]),
        )
        for number, (first, stop) in enumerate(_runs(sizes, limit))
    ]


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except (OSError, ValueError):  # decoding will reject it, with a reason
        return -1, 0
    return stat.st_size, stat.st_mtime_ns


def _runs(sizes: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Yields consecutive ranges [first, stop); each but the last reaches `limit` in sum."""
    first, total = 0, 0
    for row, size in enumerate(sizes):
        total += size
        if total >= limit or row == len(sizes) - 1:
            yield first, row + 1
            first, total = row + 1, 0


def pack_chunk(chunk: Chunk) -> int:
    """Decodes a chunk's recordings into its shard, writes its table, and returns their number."""
    rows, start = [], 0
    with atomic_write(chunk.samples) as shard:
        for recording in chunk.recordings:
            try:
                row = _pack(recording, chunk.sample_rate, shard, start)
            except files.AudioError as error:
                row = Packed(recording.key, start, 0, "", 0, 0, error.reason)
                shard.seek(2 * start)
                shard.truncate()
            rows.append(row)
            start += row.length
    with atomic_write(chunk.table) as table:
        names = [each.name for each in fields(Packed)]
        table.write(sealed(encoded_table([names, *map(astuple, rows)])))
    return len(chunk.recordings)


def _pack(recording: Recording, sample_rate: int, shard: BinaryIO, start: int) -> Packed:
    """Appends a recording to a shard; one that cannot be used may leave samples in it."""
    stream = files.RecordingStream(recording.path, sample_rate, recording.channel)
    length, digest = 0, new_digest()
    for block in stream:
        data = np.asarray(block, dtype="<i2").tobytes()
        shard.write(data)
        digest.update(data)
        length += len(block)
    num_mixed = stream.num_channels if recording.channel is None else 1
    found = (digest.hexdigest(), num_mixed, stream.num_clipped)
    return Packed(recording.key, start, length, *found)
