"""Result tables for people: their cells, tables of a page, and tables on a console."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from rich.box import SIMPLE
from rich.table import Table as ConsoleTable

from wavenet_ae.evaluation.report.table_words import table_words
from wavenet_ae.evaluation.report.words import NOT_ON_CONSOLE, cell_words, heading
from wavenet_ae.evaluation.results import ERROR, HIGH, LOW, ResultTable, Value

# A range of two columns is one cell: +1 to +9.
FIRST, LAST = "_first", "_last"
MODEL = "model"  # the first column, where there are several


def shown_columns(columns: Iterable[str]) -> list[str]:
    """Columns that have cells of their own: no error or limit of another; a range is one column."""
    own = [name for name in columns if not name.endswith((ERROR, LOW, HIGH, LAST))]
    return [name.removesuffix(FIRST) for name in own]


def cell(row: Mapping[str, Value], column: str) -> str:
    """Formats a value, followed by its error or interval: 2.81 ± 0.03, 0.32 (0.30 to 0.34)."""
    if column not in row:
        return _range(row.get(column + FIRST), row.get(column + LAST))
    value, error = row[column], row.get(column + ERROR)
    if isinstance(value, str):
        return cell_words(column, value)
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float) and isinstance(error, float) and _counts(error, value):
        digits = max(0, 1 - floor(log10(error)))  # the error has two digits, and so the value
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    low, high = row.get(column + LOW), row.get(column + HIGH)
    if isinstance(value, float) and isinstance(low, float) and isinstance(high, float):
        return f"{value:.3f} ({low:.3f} to {high:.3f})"
    if isinstance(value, float) and column + LOW in row:
        return f"{value:.3f}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 9999.5 else f"{value:,.0f}"
    return "" if value is None else f"{value:,}"


def _counts(error: float, value: float) -> bool:
    """Returns whether an error is more than a millionth of its value, which rounding can leave."""
    return error > 1e-6 * abs(value)


def _range(first: Value, last: Value) -> str:
    if isinstance(first, int | float) and isinstance(last, int | float):
        return f"{first:+g} to {last:+g}"
    return ""


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
    """Returns a table of rows; one that lacks a column of another has an empty cell there.

    Args:
        rows: Cells by column.
        headings: Headings of columns that have others than usual.
    """
    names = shown_columns(dict.fromkeys(name for row in rows for name in row))
    headings = headings or {}
    return Table(
        columns=[Column(heading(name, headings), _is_number(rows, name)) for name in names],
        rows=[[_cell(row, name) for name in names] for row in rows],
    )


def by_model(tables: Mapping[str, ResultTable], headings: Mapping[str, str] | None = None) -> Table:
    """Returns one table of the tables of several models by their names; of one model its rows
    alone.

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


def console_table(results: ResultTable) -> ConsoleTable:
    """Columns that a console has room for, under their headings."""
    shown = [name for name in shown_columns(results.columns) if name not in NOT_ON_CONSOLE]
    title = table_words(results.id).title
    found = ConsoleTable(title=title, title_justify="left", box=SIMPLE, padding=(0, 0, 0, 1))
    for name in shown:
        is_text = name not in results.rows[0] or isinstance(results.rows[0][name], str)
        found.add_column(heading(name), justify="left" if is_text else "right", overflow="fold")
    for row in results.rows:
        found.add_row(*(cell(row, name) for name in shown))
    return found


def is_printed(results: ResultTable) -> bool:
    """Returns whether a console has room for a table."""
    words = table_words(results.id)
    return bool(results.rows) and not (words.is_detail or words.is_plotted)
