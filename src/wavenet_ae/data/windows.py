"""Windows of packed recordings as batches: an endless training stream and a fixed validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.feature_means import FeatureMeans
from wavenet_ae.data.order import WindowOrder
from wavenet_ae.types import Batch, Position


@dataclass(frozen=True)
class WindowReader:
    """Reader of slices of some utterances of a corpus.

    Attributes:
        corpus: The packed corpus.
        rows: Rows of these utterances in the corpus.
        slice_length: Samples of a slice.
        margins: Samples of digital silence before and after each utterance.
        feature_means: What a batch is given as `feature_mean`; None for nothing.
    """

    corpus: PackedCorpus
    rows: np.ndarray
    slice_length: int
    margins: tuple[int, int] = (0, 0)
    feature_means: FeatureMeans | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each utterance, `(U,)`, margins included."""
        return self.corpus.length[self.rows] + sum(self.margins)

    def batch(self, windows: np.ndarray, position: Position | None = None) -> Batch:
        """Reads windows.

        Args:
            windows: `(B, 2)` int64: row of `rows`, and the sample at which the slice starts.
            position: Position of the global batch that they belong to.
        """
        utterances = self.rows[windows[:, 0]]
        waveform = np.zeros((len(windows), self.slice_length), dtype=np.int16)
        for row, utterance, start in zip(waveform, utterances, windows[:, 1], strict=True):
            self._read_into(row, int(utterance), int(start) - self.margins[0])
        return Batch(
            waveform=torch.from_numpy(waveform),
            speaker=torch.from_numpy(self.corpus.speaker[utterances]),
            utterance=torch.from_numpy(utterances),
            start=torch.from_numpy(windows[:, 1] - self.margins[0]),
            position=position,
            feature_mean=self.feature_means.of(utterances) if self.feature_means else None,
        )

    def _read_into(self, row: np.ndarray, utterance: int, start: int) -> None:
        stop = min(start + self.slice_length, int(self.corpus.length[utterance]))
        first = max(start, 0)
        row[first - start : stop - start] = self.corpus.read(utterance, first, stop)


class TrainingWindows(IterableDataset[Batch]):
    """Endless stream of this process's rows of every global batch.

    Args:
        reader: Reader of the training utterances.
        order: Order of the windows.
        start: Position of the first batch.
        rank: Number of this process.
        num_processes: Number of processes; process r serves rows `r::num_processes`.
        overfit: Serve the first N batches over and over; 0 for off.
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
    """Fixed list of batches; item `i` is a whole batch.

    Args:
        reader: Reader of the utterances.
        batches: Windows `(B, 2)` of each batch.
    """

    def __init__(self, reader: WindowReader, batches: list[np.ndarray]) -> None:
        self.reader, self.batches = reader, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.reader.batch(self.batches[index])


def tiling_windows(lengths: np.ndarray, slice_length: int, num_targets: int) -> np.ndarray:
    """Returns windows that tile each utterance from its start while the slice fits.

    Args:
        lengths: `(U,)` samples of each utterance.
        slice_length: Samples of a slice.
        num_targets: Predicted samples of a window, the step from one window to the next.

    Returns:
        `(V, 2)` int64: utterance and start sample.
    """
    counts = np.maximum(0, (lengths - slice_length) // num_targets + 1)
    utterances = np.repeat(np.arange(len(lengths)), counts)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    starts = (np.arange(len(utterances)) - firsts) * num_targets
    return np.stack([utterances, starts], axis=1)


def mixed_batches(windows: np.ndarray, permutation: np.ndarray, size: int) -> list[np.ndarray]:
    """Cuts permuted windows into batches, none of which has a single item.

    An item alone in its batch would have no other item whose codes could replace its own.

    Args:
        windows: `(V, 2)`.
        permutation: Rows of `windows` in the order in which they are served.
        size: Windows of a batch; at least 2 are used.
    """
    size = max(size, 2)
    mixed = windows[permutation]
    batches = [mixed[first : first + size] for first in range(0, len(mixed), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
