"""Means of the features of a corpus's recordings, or of their speakers, that windows are given.

They are computed once: a run keeps the sums of all recordings in a file beside the corpus, whose
name is a digest of the settings of the features.
"""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.audio.feature_means import frame_sums
from wavenet_ae.audio.features import Features
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.tables import digest_of
from wavenet_ae.errors import counted
from wavenet_ae.progress import Progress
from wavenet_ae.storage import NotWritten, atomic_write

logger = logging.getLogger(__name__)

FORMAT = 1  # increased when the sums of the same settings change
BLOCK_SECONDS = 10


class FeatureMeans:
    """Means that the features of a corpus are centered on, each computed when it is first needed.

    A speaker's mean is over the frames of all of the speaker's recordings in the corpus, of
    whatever split: it needs no labels but who speaks.

    Args:
        features: Features that are normalized per utterance or speaker.
        corpus: The packed corpus.
        of_speakers: Whether to give each utterance its speaker's mean instead of its own.
    """

    def __init__(self, features: Features, corpus: PackedCorpus, of_speakers: bool = False) -> None:
        self.features, self.corpus, self.of_speakers = features, corpus, of_speakers
        self._total = np.zeros((len(corpus), features.dim))
        self._count = np.zeros(len(corpus), dtype=np.int64)  # frames; 0 where not computed yet

    def of(self, utterances: np.ndarray) -> Tensor:
        """Returns means `(B, C)` for utterances `(B,)`, in the precision of the features."""
        means = np.stack([self._mean(row) for row in utterances.tolist()])
        return torch.from_numpy(means).to(self.features.mean.dtype)

    def _mean(self, utterance: int) -> np.ndarray:
        rows = np.array([utterance])
        if self.of_speakers:
            rows = np.flatnonzero(self.corpus.speaker == self.corpus.speaker[utterance])
        for row in rows[self._count[rows] == 0].tolist():
            self._add(row)
        mean: np.ndarray = self._total[rows].sum(axis=0) / self._count[rows].sum()
        return mean

    def _add(self, row: int) -> None:
        size, length = BLOCK_SECONDS * self.corpus.sample_rate, int(self.corpus.length[row])
        blocks = (
            torch.from_numpy(self.corpus.read(row, start, min(start + size, length)))
            for start in range(0, length, size)
        )
        total, self._count[row] = frame_sums(self.features, blocks)
        self._total[row] = total.numpy()

    def compute_all(self, settings: Mapping[str, Any]) -> None:
        """Computes the sums of all recordings, or reads them from the file of an earlier run.

        Args:
            settings: Configuration of the features, from which the name of the file is made.
        """
        path = self._file(settings)
        if self._read(path):
            return
        with Progress("features", len(self.corpus)) as progress:
            for row in range(len(self.corpus)):
                self._add(row)
                done = f"{row + 1}/{counted(len(self.corpus), 'recording')}"
                progress.at(row + 1, f"means of features: {done}")
        try:
            with atomic_write(path) as file:
                np.savez(file, total=self._total, count=self._count)
        except NotWritten as error:  # of a corpus that belongs to somebody else
            logger.info("the next run computes the means of features again: %s", error.fault)

    def _file(self, settings: Mapping[str, Any]) -> Path:
        kept = {key: value for key, value in settings.items() if key != "normalization"}
        key = [FORMAT, self.corpus.fingerprint, str(self.features.mean.dtype), kept]
        digest = digest_of(json.dumps(key, sort_keys=True).encode())
        return self.corpus.folder / f"feature-sums-{digest}.npz"

    def _read(self, path: Path) -> bool:
        """Reads sums; returns whether they are there, and whole."""
        try:
            with np.load(path, allow_pickle=False) as file:  # compares checksums
                total, count = file["total"], file["count"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        is_whole = total.shape == self._total.shape and count.shape == self._count.shape
        if is_whole and np.isfinite(total).all() and (count > 0).all():
            self._total, self._count = total, count
            return True
        return False
