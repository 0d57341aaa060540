"""Tables as a page has them: what is read, and by what it is sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wavenet_ae.evaluation.formatting import cell, heading, own_columns
from wavenet_ae.evaluation.results import Value

MODEL = "model"  # the first column, where there are several
# Columns of text that say what was found, not of what.
FOUND = {"computed", "measured", "agree", "folder", "file"}


@dataclass(frozen=True)
class Cell:
    """`value` sorts a column; None, an empty cell, comes last."""

    text: str
    value: str | float | None


@dataclass(frozen=True)
class Column:
    heading: str
    is_number: bool


@dataclass(frozen=True)
class Table:
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def table(rows: Sequence[Mapping[str, Value]]) -> Table:
    """A row that lacks a column of another has an empty cell there."""
    names = own_columns(dict.fromkeys(name for row in rows for name in row))
    return Table(
        columns=[Column(heading(name), _is_number(rows, name)) for name in names],
        rows=[[_cell(row, name) for name in names] for row in rows],
    )


def by_model(parts: Mapping[str, Sequence[Mapping[str, Value]]]) -> Table:
    """One table of the rows of several models, each behind its model's name, those that are named
    alike together; of one model its rows alone."""
    if len(parts) == 1:
        return table(next(iter(parts.values())))
    alike: dict[tuple[str, ...], list[Mapping[str, Value]]] = {}
    for model, rows in parts.items():
        for row in rows:
            alike.setdefault(_names(row), []).append({MODEL: model, **row})
    return table([row for rows in alike.values() for row in rows])


def _names(row: Mapping[str, Value]) -> tuple[str, ...]:
    """What a row is about."""
    return tuple(
        value for name, value in row.items() if isinstance(value, str) and name not in FOUND
    )


def _cell(row: Mapping[str, Value], name: str) -> Cell:
    text = cell(row, name) if name in row else ""
    value = row.get(name) if text else None
    return Cell(text, value)


def _is_number(rows: Sequence[Mapping[str, Value]], name: str) -> bool:
    return not any(isinstance(row.get(name), str) for row in rows)
