"""Windows of packed recordings, as batches: an endless training stream and a fixed validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.order import WindowOrder
from wavenet_ae.types import Batch, Position


@dataclass(frozen=True)
class WindowReader:
    """Reads slices of some utterances of a corpus.

    rows     the corpus's rows of these utterances
    margins  digital silence imagined before and after each of them, in samples
    """

    corpus: PackedCorpus
    rows: np.ndarray
    slice_length: int
    margins: tuple[int, int] = (0, 0)

    @property
    def lengths(self) -> np.ndarray:
        """(U,) samples of each utterance, margins included."""
        return self.corpus.length[self.rows] + sum(self.margins)

    def batch(self, windows: np.ndarray, position: Position | None = None) -> Batch:
        """Windows (B, 2) of (utterance, start sample) -> Batch."""
        utterances = self.rows[windows[:, 0]]
        waveform = np.zeros((len(windows), self.slice_length), dtype=np.int16)
        for row, utterance, start in zip(waveform, utterances, windows[:, 1], strict=True):
            self._read_into(row, int(utterance), int(start) - self.margins[0])
        return Batch(
            waveform=torch.from_numpy(waveform),
            speaker=torch.from_numpy(self.corpus.speaker[utterances]),
            utterance=torch.from_numpy(utterances),
            position=position,
        )

    def _read_into(self, row: np.ndarray, utterance: int, start: int) -> None:
        stop = min(start + self.slice_length, int(self.corpus.length[utterance]))
        first = max(start, 0)
        row[first - start : stop - start] = self.corpus.read(utterance, first, stop)


class TrainingWindows(IterableDataset[Batch]):
    """This process's rows of every global batch from `start` on, without end.

    With `overfit` the first so many batches are served over and over.
    """

    def __init__(
        self,
        reader: WindowReader,
        order: WindowOrder,
        start: Position,
        rank: int = 0,
        num_processes: int = 1,
        overfit: int = 0,
    ) -> None:
        self.reader, self.order, self.start = reader, order, start
        self.rank, self.num_processes, self.overfit = rank, num_processes, overfit

    def __iter__(self) -> Iterator[Batch]:
        position = self.start
        while True:
            position = self.order.normalize(position)
            served = Position(0, position.batch % self.overfit) if self.overfit else position
            windows = self.order.windows(served)[self.rank :: self.num_processes]
            yield self.reader.batch(windows, position)
            position = Position(position.epoch, position.batch + 1)


class ValidationWindows(Dataset[Batch]):
    """A fixed list of batches; item `i` is a whole batch."""

    def __init__(self, reader: WindowReader, batches: list[np.ndarray]) -> None:
        self.reader, self.batches = reader, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.reader.batch(self.batches[index])


def tiling_windows(lengths: np.ndarray, slice_length: int, num_targets: int) -> np.ndarray:
    """(V, 2) windows that tile each utterance from its start, as long as the slice fits."""
    counts = np.maximum(0, (lengths - slice_length) // num_targets + 1)
    utterances = np.repeat(np.arange(len(lengths)), counts)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    starts = (np.arange(len(utterances)) - firsts) * num_targets
    return np.stack([utterances, starts], axis=1)


def mixed_batches(windows: np.ndarray, permutation: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut permuted windows into batches of `size`, at least 2, none of which has a single item.

    An item alone in its batch would have no other item to lend it codes.
    """
    size = max(size, 2)
    mixed = windows[permutation]
    batches = [mixed[first : first + size] for first in range(0, len(mixed), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
