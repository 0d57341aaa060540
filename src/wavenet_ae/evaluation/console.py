"""Findings as tables on a console."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from wavenet_ae.evaluation.formatting import cell, heading, own_columns
from wavenet_ae.evaluation.results import ResultTable

# In the JSON and on the page only: a console has no room for them.
HIDDEN = {
    *("nmi", "cluster_purity", "num_frames", "num_unlabeled", "num_excluded", "num_rows"),
    *("num_labels", "left_out", "seeds_range", "single_codes"),
}


def table(findings: ResultTable) -> Table:
    shown = [name for name in own_columns(findings.columns) if name not in HIDDEN]
    found = Table(title=findings.title, title_justify="left", box=SIMPLE, padding=(0, 0, 0, 1))
    for name in shown:
        is_text = isinstance(findings.rows[0][name], str)
        found.add_column(heading(name), justify="left" if is_text else "right", overflow="fold")
    for row in findings.rows:
        found.add_row(*(cell(row, name) for name in shown))
    return found
