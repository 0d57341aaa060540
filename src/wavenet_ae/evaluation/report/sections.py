"""Sections of a page: the summary, a table over all models each, and how models were evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wavenet_ae.evaluation.headlines import headline_cells
from wavenet_ae.evaluation.report.prose import about
from wavenet_ae.evaluation.report.table_words import TABLES, table_words
from wavenet_ae.evaluation.report.tables import Table, by_model
from wavenet_ae.evaluation.report.words import HEADLINES
from wavenet_ae.evaluation.results import FILE, EvaluationResult, ResultTable

SUMMARY_ABOUT = (
    "NLL, and its increase with shuffled codes, in nats per sample.  PNMI of codes, or of clusters "
    "of vectors, with phones.  R-value of the boundaries of units.  Accuracy of linear probes for "
    "the phone of a frame and the speaker of an utterance, from latents before the bottleneck and "
    "from vectors after it.  ABX error of vectors across speakers.  Distances of reconstructions "
    "from their originals."
)
MODEL_SUMMARY = "summary"  # key of a result's model


def summary(results: Sequence[EvaluationResult]) -> Table:
    """Returns a row for each model; columns that no model has are left out."""
    rows = {each.name: headline_cells(each) for each in results}
    tables = {name: ResultTable("summary", [], [row]) for name, row in rows.items()}
    return by_model(tables, HEADLINES)


@dataclass(frozen=True)
class About:
    """How a table was measured; `of` names the models, none where it holds for all."""

    of: Sequence[str]
    text: str


@dataclass(frozen=True)
class Section:
    """One table of a page, with its words."""

    id: str
    title: str
    about: Sequence[About]
    table: Table
    is_detail: bool


def sections(results: Sequence[EvaluationResult]) -> list[Section]:
    """Sections of all tables, in the order of their words; tables without words come last."""
    ids = dict.fromkeys(table.id for each in results for table in each.tables)
    ordered = [*(id for id in TABLES if id in ids), *(id for id in ids if id not in TABLES)]
    found = [_section(id, results) for id in ordered if not table_words(id).is_plotted]
    return [each for each in found if each.table.rows]


def _section(id: str, results: Sequence[EvaluationResult]) -> Section:
    tables = {each.name: each.table(id) or ResultTable(id, [], []) for each in results}
    measured = {name: table for name, table in tables.items() if table.rows}
    words = table_words(id)
    return Section(
        id=id,
        title=words.title,
        about=_abouts(measured, len(results)),
        table=by_model(tables),
        is_detail=words.is_detail,
    )


def _abouts(of_models: dict[str, ResultTable], num_models: int) -> list[About]:
    by_text: dict[str, list[str]] = {}
    for name, table in of_models.items():
        by_text.setdefault(about(table), []).append(name)
    return [
        About([] if len(names) == num_models else names, text) for text, names in by_text.items()
    ]


@dataclass(frozen=True)
class Provenance:
    """How one model was evaluated.

    Attributes:
        name: The model's.
        values: Values by name, in groups.
        summary: Summary of the model, in characters of one width.
    """

    name: str
    values: Sequence[tuple[str, str]]
    summary: str


def provenance(result: EvaluationResult) -> Provenance:
    """Returns the command, the model and the data of a result."""
    model = {name: value for name, value in result.model.items() if name != MODEL_SUMMARY}
    groups = {"": result.command, "model": model, "data": result.corpus}
    values = [("all numbers", str((result.folder or Path()) / FILE))]
    values += [line for name, group in groups.items() for line in _flat(group, name)]
    return Provenance(result.name, values, str(result.model.get(MODEL_SUMMARY, "")))


def _flat(group: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    """Values of nested groups under their whole names; what is not set is left out."""
    for key, value in group.items():
        name = f"{above} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        elif isinstance(value, list):
            yield name, ", ".join(map(str, value))
        elif value is not None:
            yield name, str(value)
