"""The utterances of a corpus that have labels, and the label at each of their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.labels import (
    BESIDE,
    Segments,
    label_at,
    label_inventory,
    label_source,
    read_mapping,
    read_segments,
)


@dataclass(frozen=True)
class LabeledCorpus:
    """Labels of a corpus.

    Attributes:
        corpus: All utterances.
        rows: Ascending rows of the utterances with labels.
        segments: Labeled segments of each of them.
        inventory: Labels that count; the number of a label is its index here.
        num_without: Number of utterances without labels.
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
        """Segments of the utterance in this row of the corpus."""
        return self.segments[int(np.searchsorted(self.rows, row))]

    def speaker(self, row: int) -> str:
        """Name of the speaker of the utterance in this row."""
        return self.corpus.speakers[self.corpus.speaker[row]]


def find_labels(
    corpus: PackedCorpus, paths: dict[str, Path], config: EvaluationConfig
) -> LabeledCorpus:
    """Reads the labels of all utterances; there may be none.

    Args:
        corpus: All utterances, with the .phn files that a table of recordings lists.
        paths: Recordings by their keys.
        config: Where labels are, of what kind, and how they are mapped.

    Raises:
        UserError: If a label file or the mapping cannot be used.
    """
    source = label_source(config.labels, config.suffix, config.tier)
    mapping = read_mapping(config.mapping)
    is_listed = (config.labels, config.suffix) == (BESIDE, ".phn")  # as the corpus lists them
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
