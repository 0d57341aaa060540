"""The headlines of all models in one table."""

from __future__ import annotations

from collections.abc import Sequence

from wavenet_ae.evaluation.headlines import headlines
from wavenet_ae.evaluation.report.tables import Table, by_model
from wavenet_ae.evaluation.report.words import HEADLINES
from wavenet_ae.evaluation.results import ERROR, HIGH, LOW, EvaluationResult, ResultTable, Value

ABOUT = (
    "NLL, and its increase with shuffled codes, in nats per sample.  PNMI of codes, or of clusters "
    "of vectors, with phones.  R-value of the boundaries of units.  Accuracy of linear probes for "
    "the phone of a frame and the speaker of an utterance, from latents before the bottleneck and "
    "from vectors after it.  ABX error of vectors across speakers.  Distances of reconstructions "
    "from their originals."
)


def summary(results: Sequence[EvaluationResult]) -> Table:
    """A row for each model; columns that no model has are left out."""
    rows = {each.name: headline_cells(each) for each in results}
    tables = {name: ResultTable("summary", [], [row]) for name, row in rows.items()}
    return by_model(tables, HEADLINES)


def headline_cells(result: EvaluationResult) -> dict[str, Value]:
    """Cells of the headlines by their ids, with errors and limits."""
    cells: dict[str, Value] = {}
    for id, found in headlines(result).items():
        cells |= {id: found.value, id + ERROR: found.error}
        if found.low is not None:
            cells |= {id + LOW: found.low, id + HIGH: found.high}
    return cells
