"""How evenly the units are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wavenet_ae.dashboards.drawing import FEW, GRAY, UNIFORM
from wavenet_ae.evaluation.contingency import MOST_UNITS
from wavenet_ae.evaluation.report.figure import Figure, as_figure
from wavenet_ae.evaluation.report.figure_style import (
    add_legend,
    drawing_of,
    legend_inches,
    look,
    number_ratios,
)
from wavenet_ae.evaluation.report.unit_tables import UnitTable, unit_tables
from wavenet_ae.evaluation.results import EvaluationResult

PANEL_INCHES = 3.2


def usage(results: Sequence[EvaluationResult]) -> Iterator[Figure]:
    """One for all models whose units were counted."""
    tables = {each.name: tables[0] for each in results if (tables := unit_tables(each))}
    if not tables:
        return
    drawing = drawing_of(PANEL_INCHES + legend_inches(len(tables) + 1))
    axes = drawing.subplots()
    axes.set(xlabel="unit, most frequent first", ylabel="share of frames in %")
    axes.set_yscale("log")
    for index, (name, table) in enumerate(tables.items()):
        shares = sorted_shares(table)
        marker = "o" if len(shares) <= FEW else None
        label = f"{name}, {table.kind}: {table.num_used} of {table.num_units} used"
        places = np.arange(1, len(shares) + 1)
        axes.plot(places, 100 * shares, marker=marker, label=label, **look(index))
    for size in sorted({table.num_units for table in tables.values()}):
        last = min(size, MOST_UNITS)
        axes.hlines(100 / size, 1, last, color=GRAY, linestyle="--", linewidth=0.8, label=UNIFORM)
    number_ratios(axes.yaxis, *axes.get_ylim())
    axes.grid(alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    add_legend(drawing, list(dict(zip(labels, handles, strict=True)).values()))
    about = (
        "The share of frames that each unit has.  A line that ends early leaves units unused; one "
        f"that falls steeply uses few.  Of more than {MOST_UNITS} units the most frequent are "
        "drawn."
    )
    yield as_figure(drawing, "usage", "Use of the units", about)


def sorted_shares(table: UnitTable) -> np.ndarray:
    """(U,) of all frames, of the units that occur, most frequent first."""
    shares = np.sort(table.frames)[::-1] / max(table.num_frames, 1)
    return shares[shares > 0]
