"""The alignment of one utterance: its labels, and its units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wavenet_ae.audio.io import write
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.evaluation.unit_systems import Units
from wavenet_ae.labels import Segments
from wavenet_ae.metrics.boundaries import change_seconds
from wavenet_ae.metrics.durations import is_change
from wavenet_ae.stream_names import of_stream

FILE = "units/alignment_example.wav"
FEWEST_SECONDS, MOST_SECONDS = 2.0, 6.0  # of an utterance that is preferred
SHOWN_SECONDS = 5.0


class Span(NamedTuple):
    """A label or unit from `begin` to `end` in seconds."""

    label: str
    begin: float
    end: float


def alignment_example(
    of_streams: Sequence[Units], labeled: LabeledCorpus, folder: Path
) -> ResultTable:
    """Returns the table `alignment_example` of the first seconds of an utterance, and writes their
    audio.

    A unit lasts from midway between anchors to midway between anchors.  Needs an utterance with
    labels.
    """
    row, corpus = choose_utterance(labeled), labeled.corpus
    length, rate = int(corpus.length[row]), corpus.sample_rate
    stop = min(length, round(SHOWN_SECONDS * rate))
    write(folder / FILE, corpus.read(row, 0, stop), rate)
    end = stop / rate
    rows = [_row("labels", None, each) for each in label_spans(labeled.of(row), end)]
    systems = []
    for units in of_streams:
        encoded, _ = units.encode(corpus, row)
        if encoded.codes is None:
            assert units.of_vectors is not None
            own, system = units.of_vectors.codes(encoded.vectors)[:, None], "kmeans_vectors"
        else:
            own, system = encoded.codes.reshape(len(encoded.codes), -1), "codes"
        systems.append(of_stream(system, units.stream))
        for codebook, column in enumerate(own.T):
            spans = unit_spans(column, encoded.anchors, rate, end)
            rows += [_row(of_stream("units", units.stream), codebook, each) for each in spans]
    metadata = {"file": FILE, "utterance": corpus.keys[row], "system": " ".join(systems)}
    return ResultTable("alignment_example", [], rows, metadata)


def choose_utterance(labeled: LabeledCorpus) -> int:
    """Returns the row of the first utterance with labels, preferably of the validation split and of
    a few seconds.
    """
    corpus = labeled.corpus

    def misfits(row: int) -> tuple[bool, bool]:
        seconds = corpus.length[row] / corpus.sample_rate
        return (
            str(corpus.split[row]) != "validation",
            not FEWEST_SECONDS <= seconds <= MOST_SECONDS,
        )

    return min(labeled.rows, key=misfits)


def label_spans(segments: Segments, end: float) -> Iterator[Span]:
    """Spans of labels that count, up to `end` in seconds."""
    for begin, stop, label in zip(segments.begins, segments.ends, segments.labels, strict=True):
        if label is not None and begin < end:
            yield Span(label, float(begin), min(float(stop), end))


def unit_spans(units: np.ndarray, anchors: np.ndarray, rate: int, end: float) -> Iterator[Span]:
    """Runs of one unit among units (N,) at anchors (N,) in samples, from 0 to `end` in seconds."""
    firsts = np.append(0, np.flatnonzero(is_change(units)) + 1)
    begins = np.append(0, change_seconds(units, anchors, rate))
    for unit, begin, stop in zip(units[firsts], begins, np.append(begins[1:], end), strict=True):
        if begin < end:
            yield Span(str(unit), float(begin), min(float(stop), end))


def _row(kind: str, codebook: int | None, span: Span) -> dict[str, Value]:
    return {
        "kind": kind,
        "codebook": codebook,
        "label": span.label,
        "start_seconds": span.begin,
        "end_seconds": span.end,
    }
