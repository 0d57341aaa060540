"""Packed corpus: int16 shards, and a catalogue of the utterances in them.

shard-00000.bin  |  utterance 0  | utterance 1 |      utterance 2      | ...   int16, LE
                 start           start         start + length

Windows are read by position, not through a memory map: what has been read would count as memory of
the process, and a damaged disk would kill it.  The samples of an utterance are compared with their
digest before they are first used.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from rich.table import Table

from wavenet_ae.data.recordings import SPLITS
from wavenet_ae.data.tables import encoded_table, new_digest, read_columns, remedy, whole_numbers
from wavenet_ae.errors import UserError, counted
from wavenet_ae.reading import fields_of, read_json
from wavenet_ae.schema import SampleRate

FORMAT = 1  # increased when the meaning of packed files changes, so that old caches are not used
CATALOGUE = "catalogue.tsv"
HEADER = "corpus.json"
FIELDS = {"format": int, "sample_rate": SampleRate, "digest": str}  # of the header
# Utterances that are verified when a corpus is opened, and bytes of them at most: milliseconds.
NUM_VERIFIED_AT_OPENING = 16
MAX_BYTES_AT_OPENING = 64 << 20
BLOCK_BYTES = 1 << 20
COLUMNS = (
    *("utterance", "speaker", "split", "channel"),
    *("shard", "start", "length", "digest", "labels"),
)
PART_COLUMNS = ("recording", "begin")  # follow if some utterances are parts of recordings


class PackedCorpus:
    """Corpus that `pack` made, opened for reading; it has U utterances in order of their keys.

    Args:
        folder: Folder that `pack` returned.

    Attributes:
        keys: Names of the U utterances.
        recordings: Names of the U recordings that they are, or are parts of.
        begin: `(U,)` int64 sample of its recording at which each begins; 0 for whole recordings.
        speakers: Names of the speakers, sorted.
        speaker: `(U,)` int64, rows of `speakers`.
        length: `(U,)` int64 samples.
        split: `(U,)` str: train, validation or test.
        labels: Paths of the U label files, or "".
        sample_rate: Rate in Hz.
        fingerprint: Hash of names, speakers, splits, samples and rate.

    Raises:
        UserError: If the folder is not a packed corpus, is incomplete or damaged, or has another
            format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.sample_rate = _checked_rate(self.folder)
        table = read_columns(self.folder / CATALOGUE, COLUMNS, PART_COLUMNS)
        self.keys, self.labels = table["utterance"], table["labels"]
        self.recordings = table.get("recording", self.keys)
        begin = table.get("begin", ["0"] * len(self.keys))
        self.begin = whole_numbers(begin, self.folder / CATALOGUE, "begin")
        self.speakers = sorted(set(table["speaker"]))
        rows = {name: row for row, name in enumerate(self.speakers)}
        self.speaker = np.array([rows[name] for name in table["speaker"]], dtype=np.int64)
        self.split = np.array(table["split"], dtype=str)
        self.length = whole_numbers(table["length"], self.folder / CATALOGUE, "length")
        self._start = whole_numbers(table["start"], self.folder / CATALOGUE, "start")
        self._digest = np.array(table["digest"], dtype=str)
        self._is_verified = np.zeros(len(self.keys), dtype=bool)
        shards, self._shard = np.unique(np.array(table["shard"], dtype=str), return_inverse=True)
        # Shards lie beside the catalogue's folder: other splits of the same audio share them.
        self._shards = [self.folder.parent / _shard_name(str(name), self.folder) for name in shards]
        _opened.cache_clear()  # a shard may have been packed again since
        self._check_sizes()
        self._verify_some()
        names = ("utterance", "speaker", "split", "length", "digest")
        self.fingerprint = _fingerprint(self.sample_rate, [table[name] for name in names])

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def _has_parts(self) -> bool:
        return self.recordings is not self.keys

    def rows(self, split: str) -> np.ndarray:
        """Returns the utterances of a split in the catalogue's order, as int64 rows.

        Raises:
            ValueError: If there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}: {', '.join(SPLITS)}")
        return np.flatnonzero(self.split == split)

    def read(self, utterance: int, start: int, stop: int) -> np.ndarray:
        """Reads samples of an utterance.

        Args:
            utterance: Row of the utterance.
            start: First sample.
            stop: Sample after the last.

        Returns:
            A copy, `(stop - start,)` int16.

        Raises:
            IndexError: If the utterance has fewer samples.
            UserError: If its samples are not those that were packed.
        """
        length = int(self.length[utterance])
        if not 0 <= start <= stop <= length:  # the slice would belong to another utterance
            raise IndexError(
                f"{self.keys[utterance]} has {counted(length, 'sample')}, not {start} to {stop}"
            )
        if not self._is_verified[utterance]:
            self.verify([utterance])
        samples = np.empty(stop - start, dtype="<i2")
        self._read_into(samples.data.cast("B"), utterance, start)
        return samples.astype(np.int16, copy=False)

    def verify(self, utterances: Iterable[int] | None = None) -> None:
        """Compares the samples of utterances with their digests.

        Args:
            utterances: Rows of the utterances; None for all.

        Raises:
            UserError: If the samples of one are not those that were packed.
        """
        for row in range(len(self)) if utterances is None else utterances:
            digest, length = new_digest(), int(self.length[row])
            block = memoryview(bytearray(min(BLOCK_BYTES, 2 * length)))
            for start in range(0, 2 * length, BLOCK_BYTES):
                part = block[: 2 * length - start]
                self._read_into(part, row, start // 2)
                digest.update(part)
            if digest.hexdigest() != self._digest[row]:
                path = self._shards[self._shard[row]]
                raise UserError(
                    f"{path} is damaged: the samples of {self.keys[row]} are not those that were "
                    f"packed. {remedy(path)}"
                )
            self._is_verified[row] = True

    def _read_into(self, samples: memoryview, utterance: int, start: int) -> None:
        path = self._shards[self._shard[utterance]]
        place = 2 * (int(self._start[utterance]) + start)
        try:
            while num_bytes := os.preadv(_opened(path).fileno(), [samples], place):
                samples, place = samples[num_bytes:], place + num_bytes  # Linux reads 2 GiB at most
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}. {remedy(path)}") from error
        if len(samples):
            raise UserError(f"{path} ends before the samples that it held. {remedy(path)}")

    def _check_sizes(self) -> None:
        if (self._start + self.length < self._start).any():  # beyond 63 bits
            raise UserError(
                f"{self.folder / CATALOGUE} is damaged: no shard is as long as its recordings. "
                f"{remedy(self.folder)}"
            )
        ends = np.zeros(len(self._shards), dtype=np.int64)
        np.maximum.at(ends, self._shard, self._start + self.length)
        for path, end in zip(self._shards, ends, strict=True):
            size = path.stat().st_size if path.is_file() else 0
            is_whole = size % 2 == 0 and (size // 2 == end or (self._has_parts and size // 2 > end))
            if not is_whole:
                raise UserError(
                    f"{path} has {counted(size, 'byte')} where the packed corpus needs "
                    f"{2 * int(end)}. {remedy(path)}"
                )

    def _verify_some(self) -> None:
        """Verifies utterances from everywhere: a disk that fails is found before hours of work."""
        left = MAX_BYTES_AT_OPENING
        rows = np.linspace(0, len(self) - 1, min(len(self), NUM_VERIFIED_AT_OPENING))
        for row in rows.astype(int):
            if 2 * self.length[row] <= left:
                left -= 2 * self.length[row]
                self.verify([row])


def _shard_name(name: str, folder: Path) -> str:
    """Returns the name of a shard, which lies beside the folder of its catalogue and nowhere else.

    Raises:
        UserError: It is a path.
    """
    if name in ("", "..") or Path(name).name != name:
        raise UserError(
            f"{folder / CATALOGUE} is damaged: shard is {name!r}, which is no name of a file. "
            f"{remedy(folder)}"
        )
    return name


def corpus_table(corpus: PackedCorpus) -> Table:
    """Tabulates recordings, speakers and minutes of each split of a packed corpus."""
    table = Table("split", title=f"{corpus.folder}, {corpus.sample_rate} Hz")
    for heading in ("recordings", "speakers", "minutes", "shortest s", "longest s"):
        table.add_column(heading, justify="right")
    for split in SPLITS:
        rows = corpus.rows(split)
        if not len(rows):
            continue
        seconds = corpus.length[rows] / corpus.sample_rate
        speakers = len(np.unique(corpus.speaker[rows]))
        spans = (seconds.sum() / 60, seconds.min(), seconds.max())
        table.add_row(split, str(len(rows)), str(speakers), *(f"{each:.1f}" for each in spans))
    return table


@lru_cache(maxsize=128)  # a process may open about 1000 files
def _opened(shard: Path) -> io.FileIO:
    return io.FileIO(shard)


def encoded_header(sample_rate: int, catalogue: bytes) -> bytes:
    """Encodes what a packed corpus holds beside its catalogue, and a digest of both."""
    digest = _digest_of_header(sample_rate, [catalogue])
    header = {"format": FORMAT, "sample_rate": sample_rate, "digest": digest}
    return json.dumps(header).encode()


def _digest_of_header(sample_rate: int, catalogue: Iterable[bytes]) -> str:
    digest = new_digest()
    digest.update(f"{FORMAT} {sample_rate}\n".encode())
    for data in catalogue:
        digest.update(data)
    return digest.hexdigest()


def _checked_rate(folder: Path) -> int:
    """Returns the sample rate of a packed corpus after checking its header and its catalogue."""
    path, catalogue = folder / HEADER, folder / CATALOGUE
    for file in (path, catalogue):
        if not file.is_file():
            raise UserError(f"{folder} is not a packed corpus: there is no {file.name}")
    try:
        content = read_json(path)
        found = fields_of(content, {"format": int}, str(path))["format"]
        header = fields_of(content, FIELDS, str(path)) if found == FORMAT else {}
    except UserError as error:
        raise UserError(f"{path} is damaged: {error}. {remedy(folder)}") from None
    if not header:
        raise UserError(
            f"{folder} is packed in format {found}, this version reads {FORMAT}: "
            "pack the corpus again"
        )
    rate: int = header["sample_rate"]
    try:
        with catalogue.open("rb") as table:
            digest = _digest_of_header(rate, iter(lambda: table.read(BLOCK_BYTES), b""))
    except OSError as error:
        raise UserError(f"{catalogue} cannot be read: {error.strerror}") from error
    if header["digest"] != digest:
        raise UserError(f"{catalogue} or {HEADER} beside it is damaged. {remedy(folder)}")
    return rate


def _fingerprint(sample_rate: int, columns: Sequence[Sequence[str]]) -> str:
    digest = hashlib.blake2b(f"{FORMAT} {sample_rate}\n".encode(), digest_size=16)
    for column in columns:
        digest.update(encoded_table(zip(column, strict=True)))
    return digest.hexdigest()
