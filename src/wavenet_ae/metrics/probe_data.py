"""Data of probes: vectors of the chosen frames, and means over the chosen utterances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array, vstack

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.metrics.frames import FrameChoice

Matrix: TypeAlias = np.ndarray | csr_array


@dataclass(frozen=True)
class ProbeData:
    """Rows to probe; each of the R rows is a frame or an utterance.

    Attributes:
        values: By representation, `(R, C)` float32, sparse for codes.
        utterance: `(R,)` int64, rows of the corpus.
        speaker: `(R,)` int64, rows of the corpus's speakers.
        phone: `(R,)` int64, possibly UNLABELED; None if rows are utterances.
    """

    values: dict[str, Matrix]
    utterance: np.ndarray
    speaker: np.ndarray
    phone: np.ndarray | None = None


class ProbeCollector:
    """Collector of the frames that were chosen, from one utterance after another.

    Every utterance of `choice.rows` must be added, in this order.

    Args:
        corpus: The packed corpus.
        choice: The chosen frames and utterances.
    """

    def __init__(self, corpus: PackedCorpus, choice: FrameChoice) -> None:
        self.corpus, self.choice = corpus, choice
        self._frames: dict[str, list[Matrix]] = defaultdict(list)
        self._means: dict[str, list[Matrix]] = defaultdict(list)

    def add(self, row: int, values: Mapping[str, np.ndarray]) -> None:
        """Collect the chosen frames of an utterance.

        Args:
            row: The utterance's row in the corpus.
            values: By representation, as `Representations` returns them.
        """
        first, stop = np.searchsorted(self.choice.utterance, [row, row + 1])
        places = self.choice.place[first:stop]
        for name, each in values.items():
            self._frames[name].append(_matrix(each[places]))
            if row in self.choice.whole:
                self._means[name].append(_mean(_matrix(each)))

    def frames(self) -> ProbeData:
        """Returns the chosen frames."""
        rows = self.choice.utterance
        speakers = self.corpus.speaker[rows]
        return ProbeData(_stacked(self._frames), rows, speakers, self.choice.phone)

    def means(self) -> ProbeData:
        """Returns the means of the chosen utterances over all their frames."""
        rows = np.array(sorted(self.choice.whole), dtype=np.int64)
        return ProbeData(_stacked(self._means), rows, self.corpus.speaker[rows])


def _matrix(values: np.ndarray) -> Matrix:
    """Vectors `(N, C)` as float32; indices of ones `(N, H)` as sparse rows."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    num_rows, num_books = values.shape
    ones = np.ones(values.size, dtype=np.float32)
    rows = np.arange(num_rows + 1) * num_books
    num_places = int(values.max(initial=-1)) + 1
    return csr_array((ones, values.ravel(), rows), shape=(num_rows, num_places))


def _mean(matrix: Matrix) -> Matrix:
    """Mean `(1, C)` of rows `(N, C)`."""
    if isinstance(matrix, np.ndarray):
        return matrix.mean(axis=0, keepdims=True)
    return csr_array(matrix.mean(axis=0)[None].astype(np.float32))


def _stacked(pieces: Mapping[str, Sequence[Matrix]]) -> dict[str, Matrix]:
    return {name: _one(each) for name, each in pieces.items()}


def _one(pieces: Sequence[Matrix]) -> Matrix:
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)  # type: ignore[arg-type]
    width = max(each.shape[1] for each in pieces)
    for each in pieces:
        each.resize((each.shape[0], width))
    return vstack(pieces, format="csr")
