"""The tables of evaluations as sections of a page, each one table over all models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wavenet_ae.evaluation.report.prose import about
from wavenet_ae.evaluation.report.tables import Table, by_model
from wavenet_ae.evaluation.report.words import TABLES, table_words
from wavenet_ae.evaluation.results import EvaluationResult, ResultTable


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
