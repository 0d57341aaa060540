"""The recordings of a corpus that have labels, and what is said at each of their codes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.config import Settings
from wavenet_ae.labels import (
    BESIDE,
    Segments,
    label_at,
    label_inventory,
    label_source,
    read_mapping,
    read_segments,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabeledCorpus:
    """rows       utterances with labels, ascending;  `num_without` others have none
    segments   of each of them
    inventory  labels that count: a label's number is its place here
    """

    corpus: PackedCorpus
    rows: Sequence[int]
    segments: Sequence[Segments]
    inventory: Sequence[str]
    num_without: int

    def at(self, row: int, anchors: np.ndarray) -> np.ndarray:
        """(N,) labels of an utterance at anchors (N,) in samples, as `label_at` gives them."""
        return label_at(self.of(row), anchors / self.corpus.sample_rate, self.inventory)

    def of(self, row: int) -> Segments:
        return self.segments[int(np.searchsorted(self.rows, row))]

    def speaker(self, row: int) -> str:
        return self.corpus.speakers[self.corpus.speaker[row]]


def find_labels(corpus: PackedCorpus, paths: dict[str, Path], settings: Settings) -> LabeledCorpus:
    """Of all utterances of a corpus, whose recordings lie at `paths` by their keys; a table of
    recordings may say where else their .phn files lie.  None may be found.  Raises UserError where
    a label file, or the mapping, is not as it must be."""
    source = label_source(settings.labels, settings.suffix, settings.tier)
    mapping = read_mapping(settings.mapping)
    is_listed = (settings.labels, settings.suffix) == (BESIDE, ".phn")  # as the corpus lists them
    found = {}
    for row, key in enumerate(corpus.keys):
        if is_listed and corpus.labels[row]:
            found[row] = mapping.mapped(read_segments(corpus.labels[row]))
        elif key in paths and (segments := source.of(key, paths[key])) is not None:
            found[row] = mapping.mapped(segments)
    return LabeledCorpus(
        corpus=corpus,
        rows=list(found),
        segments=list(found.values()),
        inventory=label_inventory(found.values()),
        num_without=len(corpus) - len(found),
    )
