"""Chunks of recordings and the shards that they are decoded into.

    chunk --pack_chunk--> shard-00000.bin   int16 samples, one recording after another
                          shard-00000.tsv   what became of each recording

A shard's table appears after its samples, and both only when complete, so a chunk with a table is
done: packing that was interrupted goes on with the chunks that have none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import chain
from pathlib import Path

import numpy as np

from wavenet_ae.audio import io as files
from wavenet_ae.data.corpus import FORMAT, encoded_table, read_columns
from wavenet_ae.data.sources import Recording
from wavenet_ae.storage import atomic_write

# A chunk is a 64th of the corpus, of at least 4 and at most 128 MiB of files.
NUM_CHUNKS = 64
SMALLEST_CHUNK_BYTES = 4 << 20
LARGEST_CHUNK_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of a recording: a row of a shard's table.

    start, length  samples of the shard, at the packed rate
    digest         of these samples
    num_mixed      channels of which they are the mean
    num_clipped    samples that lay beyond full scale
    reason         why the recording cannot be used, or ""
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
    """Recordings that share a shard; their files have `num_bytes`."""

    samples: Path
    table: Path
    recordings: tuple[Recording, ...]
    sample_rate: int
    num_bytes: int

    @property
    def is_packed(self) -> bool:
        return self.table.is_file() and self.samples.is_file()

    def rows(self) -> list[Packed]:
        table = read_columns(self.table, [each.name for each in fields(Packed)])
        return [
            Packed(key, int(start), int(length), digest, int(mixed), int(clipped), reason)
            for key, start, length, digest, mixed, clipped, reason in zip(
                *table.values(), strict=True
            )
        ]


def plan(recordings: Sequence[Recording], cache: Path, sample_rate: int) -> list[Chunk]:
    """Chunks of recordings, the same in every run that finds the same files."""
    recordings = sorted(recordings, key=lambda recording: recording.key)
    stats = [_size_and_time(recording.path) for recording in recordings]
    identity = (
        (recording.key, recording.path.absolute(), recording.channel, *stat)
        for recording, stat in zip(recordings, stats, strict=True)
    )
    folder = cache / digest_of(encoded_table(chain([(FORMAT, sample_rate)], identity)))
    sizes = [max(size, 0) for size, _ in stats]
    limit = min(max(sum(sizes) // NUM_CHUNKS, SMALLEST_CHUNK_BYTES), LARGEST_CHUNK_BYTES)
    return [
        Chunk(
            folder / f"shard-{number:05d}.bin",
            folder / f"shard-{number:05d}.tsv",
            tuple(recordings[first:stop]),
            sample_rate,
            sum(sizes[first:stop]),
        )
        for number, (first, stop) in enumerate(_runs(sizes, limit))
    ]


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:  # rejected, with its reason, when it cannot be read
        return -1, 0
    return stat.st_size, stat.st_mtime_ns


def _runs(sizes: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Consecutive [first, stop) of which each but the last reaches `limit` in sum."""
    first, total = 0, 0
    for row, size in enumerate(sizes):
        total += size
        if total >= limit or row == len(sizes) - 1:
            yield first, row + 1
            first, total = row + 1, 0


def digest_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def pack_chunk(chunk: Chunk) -> int:
    """Decode a chunk's recordings into its shard and write its table; how many they are."""
    rows, start = [], 0
    with atomic_write(chunk.samples) as shard:
        for recording in chunk.recordings:
            try:
                pcm = files.read(recording.path, chunk.sample_rate, recording.channel)
            except files.AudioError as error:
                rows.append(Packed(recording.key, start, 0, "", 0, 0, error.reason))
                continue
            data = np.asarray(pcm.samples, dtype="<i2").tobytes()
            shard.write(data)
            length = len(pcm.samples)
            num_mixed = pcm.num_channels if recording.channel is None else 1
            found = (digest_of(data), num_mixed, pcm.num_clipped)
            rows.append(Packed(recording.key, start, length, *found))
            start += length
    with atomic_write(chunk.table) as table:
        table.write(encoded_table([[each.name for each in fields(Packed)], *map(astuple, rows)]))
    return len(chunk.recordings)
