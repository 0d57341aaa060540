"""Cells of result tables as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import floor, log10

from wavenet_ae.evaluation.report.words import cell_words
from wavenet_ae.evaluation.results import ERROR, HIGH, LOW, Value

# A range of two columns is one cell: +1 to +9.
FIRST, LAST = "_first", "_last"


def shown_columns(columns: Iterable[str]) -> list[str]:
    """Columns that have cells of their own: no error or limit of another; a range is one column."""
    own = [name for name in columns if not name.endswith((ERROR, LOW, HIGH, LAST))]
    return [name.removesuffix(FIRST) for name in own]


def cell(row: Mapping[str, Value], column: str) -> str:
    """Errors and intervals stand behind their values: 2.81 ± 0.03, 0.32 (0.30 to 0.34)."""
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
    """Returns whether an error is more than what rounding leaves."""
    return error > 1e-9 * abs(value)


def _range(first: Value, last: Value) -> str:
    if isinstance(first, int | float) and isinstance(last, int | float):
        return f"{first:+g} to {last:+g}"
    return ""
