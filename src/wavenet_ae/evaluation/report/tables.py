"""Tables of a page: texts to read, and values to sort by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wavenet_ae.evaluation.report.formatting import cell, shown_columns
from wavenet_ae.evaluation.report.words import heading
from wavenet_ae.evaluation.results import ResultTable, Value

MODEL = "model"  # the first column, where there are several


@dataclass(frozen=True)
class Cell:
    """A text, and the `value` that sorts its column; None, an empty cell, comes last."""

    text: str
    value: str | float | None


@dataclass(frozen=True)
class Column:
    """Heading of a column, and whether it holds numbers."""

    heading: str
    is_number: bool


@dataclass(frozen=True)
class Table:
    """Columns, and rows of cells."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def table(rows: Sequence[Mapping[str, Value]], headings: Mapping[str, str] | None = None) -> Table:
    """Table of rows; one that lacks a column of another has an empty cell there.

    Args:
        rows: Cells by column.
        headings: Headings of columns that have others than usual.
    """
    names = shown_columns(dict.fromkeys(name for row in rows for name in row))
    own = headings or {}
    return Table(
        columns=[Column(own.get(name, heading(name)), _is_number(rows, name)) for name in names],
        rows=[[_cell(row, name) for name in names] for row in rows],
    )


def by_model(tables: Mapping[str, ResultTable], headings: Mapping[str, str] | None = None) -> Table:
    """One table of the tables of several models by their names; of one model its rows alone.

    Rows with the same keys stand together, each behind its model's name.
    """
    if len(tables) == 1:
        return table(next(iter(tables.values())).rows, headings)
    alike: dict[tuple[Value, ...], list[Mapping[str, Value]]] = {}
    for model, each in tables.items():
        for row in each.rows:
            keys = tuple(row[key] for key in each.keys)
            alike.setdefault(keys, []).append({MODEL: model, **row})
    return table([row for rows in alike.values() for row in rows], headings)


def _cell(row: Mapping[str, Value], name: str) -> Cell:
    text = cell(row, name)
    value = row.get(name, text) if text else None
    return Cell(text, text if isinstance(value, str | bool) else value)


def _is_number(rows: Sequence[Mapping[str, Value]], name: str) -> bool:
    """Returns whether no row has a text or a range there."""
    cells = [row[name] for row in rows if name in row]
    return bool(cells) and not any(isinstance(each, str | bool) for each in cells)
