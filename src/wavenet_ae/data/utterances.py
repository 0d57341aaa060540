"""Utterances of a corpus: ranges of the samples of packed recordings.

shard       | recording a        | recording b                      |
utterances  | a                  | b@0-3 |    | b@4.5-9 |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wavenet_ae.data.parts import part_key
from wavenet_ae.data.recordings import Recording
from wavenet_ae.data.shards import Packed
from wavenet_ae.data.tables import (
    digest_of,
    encoded_table,
    new_digest,
    read_columns,
    remedy,
    sealed,
)
from wavenet_ae.errors import UserError
from wavenet_ae.storage import write_bytes

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Utterance:
    """Recording of a source, or a piece of it, in a shard.

    Attributes:
        source: The recording as the source lists it.
        key: Key of the utterance.
        shard: The shard that holds the samples.
        packed: Result for the whole recording.
        begin: First sample in the whole recording.
        stop: Sample after the last.
    """

    source: Recording
    key: str
    shard: Path
    packed: Packed
    begin: int
    stop: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its recording."""
        return self.stop - self.begin == self.packed.length and self.key == self.packed.key

    @property
    def first(self) -> int:
        """First sample in the shard."""
        return self.packed.start + self.begin

    @property
    def length(self) -> int:
        """Number of samples."""
        return self.stop - self.begin

    def piece(self, begin: int, stop: int, sample_rate: int) -> Utterance:
        """Returns a piece, named by its times in the recording.

        Args:
            begin: First sample in the whole recording.
            stop: Sample after the last.
            sample_rate: Rate in Hz.
        """
        if (begin, stop) == (self.begin, self.stop):
            return self
        channel = self.source.channel
        added = "" if channel is None else f"#{channel}"
        recording = self.packed.key.removesuffix(added)
        key = part_key(recording, begin / sample_rate, stop / sample_rate) + added
        return replace(self, key=key, begin=begin, stop=stop)


def utterances_of(
    recordings: Iterable[Recording], usable: Mapping[str, tuple[Path, Packed]], sample_rate: int
) -> list[Utterance]:
    """Finds the usable recordings of a source in the shards.

    Args:
        recordings: Recordings, whole or parts.
        usable: Shard and result of each usable whole recording, by its key.
        sample_rate: Rate in Hz.

    Raises:
        UserError: If a part lies beyond its recording; names file and line.
    """
    found = []
    for recording in recordings:
        part = recording.part
        key = recording.key if part is None else part.recording
        if key not in usable:
            continue
        shard, packed = usable[key]
        begin, stop = (0, packed.length)
        if part is not None:
            begin, stop = part.samples(packed.length, sample_rate)
        found.append(Utterance(recording, recording.key, shard, packed, begin, stop))
    return found


def digests_of(utterances: Sequence[Utterance], folder: Path) -> list[str]:
    """Returns the digest of the samples of each utterance.

    Those of parts are computed once, and kept in a table in the folder of the shards.

    Args:
        utterances: Utterances of a corpus.
        folder: Folder of their shards.

    Raises:
        UserError: If the samples of a recording are not those that were packed.
    """
    parts = [each for each in utterances if not each.is_whole]
    of_parts = iter(_of_parts(parts, folder) if parts else [])
    return [each.packed.digest if each.is_whole else next(of_parts) for each in utterances]


def _of_parts(parts: Sequence[Utterance], folder: Path) -> list[str]:
    ranges = encoded_table((each.shard.name, each.first, each.length) for each in parts)
    table = folder / f"parts-{digest_of(ranges)}.tsv"
    if table.is_file():
        return read_columns(table, ["digest"])["digest"]
    for each in {each.packed.key: each for each in parts}.values():
        packed = each.packed
        if _digest(each.shard, packed.start, packed.length) != packed.digest:
            raise UserError(
                f"{each.shard} is damaged: the samples of {packed.key} are not those that were "
                f"packed. {remedy(each.shard)}"
            )
    digests = [_digest(each.shard, each.first, each.length) for each in parts]
    write_bytes(table, sealed(encoded_table([("digest",), *((each,) for each in digests)])))
    return digests


def _digest(shard: Path, start: int, length: int) -> str:
    """Returns the digest of a range of samples of a shard."""
    digest, left = new_digest(), 2 * length
    with shard.open("rb") as file:
        file.seek(2 * start)
        while left and (data := file.read(min(left, BLOCK_BYTES))):
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()
