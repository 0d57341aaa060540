"""Result tables on a console."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from wavenet_ae.evaluation.report.formatting import cell, shown_columns
from wavenet_ae.evaluation.report.words import NOT_ON_CONSOLE, heading, table_words
from wavenet_ae.evaluation.results import ResultTable


def console_table(results: ResultTable) -> Table:
    """Columns that a console has room for, under their headings."""
    shown = [name for name in shown_columns(results.columns) if name not in NOT_ON_CONSOLE]
    title = table_words(results.id).title
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 0, 0, 1))
    for name in shown:
        is_text = name not in results.rows[0] or isinstance(results.rows[0][name], str)
        table.add_column(heading(name), justify="left" if is_text else "right", overflow="fold")
    for row in results.rows:
        table.add_row(*(cell(row, name) for name in shown))
    return table


def is_printed(results: ResultTable) -> bool:
    """Returns whether a console has room for a table."""
    words = table_words(results.id)
    return bool(results.rows) and not (words.is_detail or words.is_plotted)
