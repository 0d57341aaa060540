"""Packed corpus: memory-mapped int16 shards, and a catalogue of the utterances in them.

shard-00000.bin  |  utterance 0  | utterance 1 |      utterance 2      | ...   int16, LE
                 start           start         start + length
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from rich.table import Table

from wavenet_ae.data.sources import SPLITS
from wavenet_ae.errors import UserError, counted

FORMAT = 1  # increased when the meaning of packed files changes, so that old caches are not used
CATALOGUE = "catalogue.tsv"
HEADER = "corpus.json"
ROWS_AT_ONCE = 4096  # so that a million rows are never in memory both as rows and as columns
COLUMNS = (
    *("utterance", "speaker", "split", "channel"),
    *("shard", "start", "length", "digest", "labels"),
)


class PackedCorpus:
    """Corpus that `pack` made, opened for reading; it has U utterances in order of their keys.

    Args:
        folder: Folder that `pack` returned.

    Attributes:
        keys: Names of the U recordings.
        speakers: Names of the speakers, sorted.
        speaker: `(U,)` int64, rows of `speakers`.
        length: `(U,)` int64 samples.
        split: `(U,)` str: train, validation or test.
        labels: Paths of the U label files, or "".
        sample_rate: Rate in Hz.
        fingerprint: Hash of names, speakers, splits, samples and rate.

    Raises:
        UserError: If the folder is not a packed corpus, is incomplete, or has another format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.sample_rate = _sample_rate(self.folder)
        table = read_columns(self.folder / CATALOGUE, COLUMNS)
        self.keys, self.labels = table["utterance"], table["labels"]
        self.speakers = sorted(set(table["speaker"]))
        rows = {name: row for row, name in enumerate(self.speakers)}
        self.speaker = np.array([rows[name] for name in table["speaker"]], dtype=np.int64)
        self.split = np.array(table["split"], dtype=str)
        self.length = np.array(table["length"], dtype=np.int64)
        self._start = np.array(table["start"], dtype=np.int64)
        shards, self._shard = np.unique(np.array(table["shard"], dtype=str), return_inverse=True)
        # Shards lie beside the catalogue's folder: other splits of the same audio share them.
        self._shards = [self.folder.parent / name for name in shards]
        self._check_shards()
        names = ("utterance", "speaker", "split", "length", "digest")
        self.fingerprint = _fingerprint(self.sample_rate, [table[name] for name in names])

    def __len__(self) -> int:
        return len(self.keys)

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
        """
        length = int(self.length[utterance])
        if not 0 <= start <= stop <= length:  # the slice would belong to another utterance
            raise IndexError(
                f"{self.keys[utterance]} has {counted(length, 'sample')}, not {start} to {stop}"
            )
        first = int(self._start[utterance])
        samples = _mapped(self._shards[self._shard[utterance]])
        return np.array(samples[first + start : first + stop], dtype=np.int16)

    def _check_shards(self) -> None:
        ends = np.zeros(len(self._shards), dtype=np.int64)
        np.maximum.at(ends, self._shard, self._start + self.length)
        for path, end in zip(self._shards, ends, strict=True):
            size = path.stat().st_size if path.is_file() else 0
            if size < 2 * end:
                raise UserError(
                    f"{path} has {counted(size, 'byte')} where the packed corpus needs "
                    f"{2 * end}: delete the folder {path.parent} and run again to pack it again"
                )


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


@lru_cache(maxsize=128)  # each map keeps a file open, and a process may open about 1000
def _mapped(shard: Path) -> np.memmap:
    return np.memmap(shard, dtype="<i2", mode="r")


def _sample_rate(folder: Path) -> int:
    try:
        header = json.loads((folder / HEADER).read_text())
    except OSError as error:
        raise UserError(f"{folder} is not a packed corpus: {error}") from error
    if header["format"] != FORMAT:
        raise UserError(
            f"{folder} is packed in format {header['format']}, this version reads {FORMAT}: "
            "pack the corpus again"
        )
    return int(header["sample_rate"])


def _fingerprint(sample_rate: int, columns: Sequence[Sequence[str]]) -> str:
    digest = hashlib.blake2b(f"{FORMAT} {sample_rate}\n".encode(), digest_size=16)
    for column in columns:
        digest.update(encoded_table(zip(column, strict=True)))
    return digest.hexdigest()


def encoded_table(rows: Iterable[Sequence[object]]) -> bytes:
    """Encodes rows as tab-separated text; cells may contain tabs, or bytes that are not UTF-8."""
    data, rows = io.BytesIO(), iter(rows)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        text = io.StringIO()
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows(some)
        data.write(text.getvalue().encode("utf-8", "surrogateescape"))
    return data.getvalue()


def read_columns(path: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """Reads the columns of a table that `encoded_table` wrote.

    Args:
        path: The table.
        names: Its first row.

    Raises:
        UserError: If the table cannot be read or has other columns.
    """
    columns: list[list[str]] = [[] for _ in names]
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
            rows = csv.reader(text, delimiter="\t")
            if tuple(next(rows, ())) != tuple(names):
                raise UserError(f"{path} does not have the columns {', '.join(names)}")
            while some := list(islice(rows, ROWS_AT_ONCE)):
                for column, cells in zip(columns, zip(*some, strict=True), strict=True):
                    column.extend(cells)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    return dict(zip(names, columns, strict=True))
