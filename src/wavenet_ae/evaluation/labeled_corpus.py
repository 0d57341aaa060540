"""The utterances of a corpus that have labels, and the label at each of their codes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from wavenet_ae.data.corpus import PackedCorpus, encoded_table
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.labels import (
    BESIDE,
    DamagedLabels,
    Segments,
    label_at,
    label_inventory,
    label_source,
    read_mapping,
    read_segments,
    segments_within,
)
from wavenet_ae.storage import write_bytes

logger = logging.getLogger(__name__)

REJECTED = "rejected_labels.tsv"  # in the folder of an evaluation
NUM_SHOWN = 5  # label files that a message names


@dataclass(frozen=True)
class LabeledCorpus:
    """Labels of a corpus.

    Attributes:
        corpus: All utterances.
        rows: Ascending rows of the utterances with labels.
        segments: Labeled segments of each of them.
        inventory: Labels that count; the number of a label is its index here.
        num_without: Number of utterances without labels.
        damaged: Why the labels of some of them cannot be read, by the keys of the utterances.
        num_empty: Number of segments that are left out because they have no length.
        other_suffixes: Number of utterances without labels that have a label file with another
            suffix, by the suffix.
    """

    corpus: PackedCorpus
    rows: Sequence[int]
    segments: Sequence[Segments]
    inventory: Sequence[str]
    num_without: int
    damaged: Mapping[str, str] = field(default_factory=dict)
    num_empty: int = 0
    other_suffixes: Mapping[str, int] = field(default_factory=dict)

    def at(self, row: int, anchors: np.ndarray) -> np.ndarray:
        """Returns the labels (N,) of an utterance at anchors (N,) in samples, as `label_at` gives
        them.
        """
        return label_at(self.of(row), anchors / self.corpus.sample_rate, self.inventory)

    def of(self, row: int) -> Segments:
        """Segments of the utterance in this row of the corpus."""
        return self.segments[int(np.searchsorted(self.rows, row))]

    def other_labels(self) -> str:
        """Returns a text on label files with another suffix of utterances without labels, or ""."""
        return "; ".join(
            f"{suffix} files lie beside {count} of {self.num_without} recordings without labels: "
            f"set suffix={suffix}"
            for suffix, count in sorted(self.other_suffixes.items())
        )

    def speaker(self, row: int) -> str:
        """Returns the name of the speaker of the utterance in this row."""
        return self.corpus.speakers[self.corpus.speaker[row]]


def find_labels(
    corpus: PackedCorpus, paths: dict[str, Path], config: EvaluationConfig
) -> LabeledCorpus:
    """Reads the labels of all utterances; there may be none.

    Args:
        corpus: All utterances, with the .phn files that a table of recordings lists.
        paths: Files of whole recordings by their keys.
        config: Where labels are, of what kind, and how they are mapped.

    Raises:
        UserError: If the mapping cannot be used.
    """
    source = label_source(config.labels, config.suffix, config.tier)
    mapping = read_mapping(config.mapping)
    is_listed = (config.labels, config.suffix) == (BESIDE, ".phn")  # as the corpus lists them
    # Parts of a recording, which are neighbors, share its labels.
    read, labels_of = lru_cache(8)(read_segments), lru_cache(8)(source.of)
    found: dict[int, Segments] = {}
    damaged: dict[str, str] = {}
    others: Counter[str] = Counter()
    for row, key in enumerate(corpus.recordings):
        try:
            if is_listed and corpus.labels[row]:
                found[row] = mapping.mapped(of_part(corpus, row, read(corpus.labels[row])))
            elif key in paths and (segments := labels_of(key, paths[key])) is not None:
                found[row] = mapping.mapped(of_part(corpus, row, segments))
            elif key in paths and (suffix := source.other_suffix(key, paths[key])):
                others[suffix] += 1
        except DamagedLabels as error:
            damaged[corpus.keys[row]] = str(error)
    num_empty = sum(each.num_empty for each in found.values())
    if num_empty:
        logger.info("%d segments of no length are left out of the labels", num_empty)
    labeled = LabeledCorpus(
        corpus=corpus,
        rows=list(found),
        segments=list(found.values()),
        inventory=label_inventory(found.values()),
        num_without=len(corpus) - len(found),
        damaged=damaged,
        num_empty=num_empty,
        other_suffixes=others,
    )
    if others:
        logger.warning("%s", labeled.other_labels())
    return labeled


def of_part(corpus: PackedCorpus, row: int, segments: Segments) -> Segments:
    """Returns the segments of an utterance, given those of the recording that it is or is a part
    of.
    """
    if corpus.keys[row] == corpus.recordings[row]:
        return segments
    begin, length = int(corpus.begin[row]), int(corpus.length[row])
    return segments_within(segments, begin, length, corpus.sample_rate)


def report_damaged(labeled: LabeledCorpus, folder: Path, share: float) -> None:
    """Lists damaged labels in a file of a folder, and names the first ones.

    Args:
        labeled: Labels as `find_labels` has found them.
        folder: Folder of an evaluation.
        share: Fraction of the recordings with labels whose labels may be damaged.

    Raises:
        UserError: There are more, or no others.
    """
    listed, damaged = folder / REJECTED, labeled.damaged
    if not damaged:
        listed.unlink(missing_ok=True)
        return
    write_bytes(listed, encoded_table([("utterance", "reason"), *damaged.items()]))
    total = len(damaged) + len(labeled.rows)
    shown = "".join(f"\n  {reason}" for reason in [*damaged.values()][:NUM_SHOWN])
    shown += "\n  ..." if len(damaged) > NUM_SHOWN else ""
    text = (
        f"the labels of {len(damaged)} of {total} recordings cannot be read, see {listed}:{shown}"
    )
    if len(damaged) == total or len(damaged) > share * total:
        raise UserError(
            f"{text}\nFix or remove them, or allow more: max_rejected_labels={share:g} of all"
        )
    logger.warning("%s", text)
