"""The recordings of a corpus that have labels, and what is said at each of their codes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.labels import (
    LabelMapping,
    LabelSource,
    Segments,
    label_at,
    label_inventory,
    label_source,
    read_mapping,
)
from wavenet_ae.judging.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labelled:
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


def find_labels(corpus: PackedCorpus, paths: dict[str, Path], settings: Settings) -> Labelled:
    """Of all utterances of a corpus, whose recordings lie at `paths` by their keys; none may be
    found.  Raises UserError where a label file, or the mapping, is not as it must be."""
    source = label_source(settings.labels, settings.suffix, settings.tier)
    mapping = read_mapping(settings.mapping)
    found = {}
    for row, key in enumerate(corpus.keys):
        segments = _segments(source, mapping, key, paths)
        if segments is not None:
            found[row] = segments
    return Labelled(
        corpus=corpus,
        rows=list(found),
        segments=list(found.values()),
        inventory=label_inventory(found.values()),
        num_without=len(corpus) - len(found),
    )


def _segments(
    source: LabelSource, mapping: LabelMapping, key: str, paths: dict[str, Path]
) -> Segments | None:
    segments = source.of(key, paths[key]) if key in paths else None
    return None if segments is None else mapping.mapped(segments)
