"""Panels arranged on pages, and pages as files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from wavenet_ae.dashboards.drawing import draw_panel, drawn_keys, run_handles
from wavenet_ae.dashboards.history import RunHistory
from wavenet_ae.dashboards.panels import Panel, section_names
from wavenet_ae.storage import atomic_write

CELL_INCHES = (5.2, 3.5)
LEGEND_INCHES = 0.5  # of a page's title, and of its legend of runs
DOTS_PER_INCH = 120
FONT_SIZES: Any = {
    "axes.titlesize": 10.5,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
}


@dataclass(frozen=True)
class Cell:
    """A panel with those runs that go into one plot, and its title."""

    panel: Panel
    runs: Sequence[RunHistory]
    title: str


@dataclass(frozen=True)
class Drawn:
    """The files that were written;  names of the panels of which no run has logged anything."""

    files: list[Path]
    left_out: list[str]


def draw_dashboard(
    panels: Sequence[Panel],
    runs: Sequence[RunHistory],
    folder: Path,
    formats: Sequence[str],
    each: str,
) -> Drawn:
    """Draw a page per section, or with each="panel" per panel, into files in `folder`."""
    has_data = [panel for panel in panels if drawn_keys(panel, runs)]
    left_out = [panel.name for panel in panels if panel not in has_data]
    files = []
    for name, on_page in _pages(has_data, each):
        figure = draw_page(on_page, runs, name if each == "section" else "")
        for suffix in formats:
            files.append(folder / f"{re.sub(r'[^a-z0-9.-]+', '_', name.lower())}.{suffix}")
            save(figure, files[-1])
    return Drawn(files, left_out)


def _pages(panels: Sequence[Panel], each: str) -> Iterator[tuple[str, list[Panel]]]:
    if each == "panel":
        yield from ((panel.name, [panel]) for panel in panels)
        return
    for section in section_names(panels):
        yield section, [panel for panel in panels if panel.section == section]


def draw_page(
    panels: Sequence[Panel], runs: Sequence[RunHistory], name: str = "", columns: int = 2
) -> Figure:
    """Panels in columns, under the page's name and a run's; several runs have a legend below."""
    cells = [cell for panel in panels for cell in _cells(panel, runs)]
    num_columns = min(columns, len(cells))
    num_rows = ceil(len(cells) / num_columns)
    width, height = CELL_INCHES
    with matplotlib.rc_context(FONT_SIZES):
        size = (num_columns * width, num_rows * height + LEGEND_INCHES * (1 + (len(runs) > 1)))
        figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
        parts = figure.subfigures(num_rows, num_columns, squeeze=False).flat
        for part, cell in zip(parts, cells, strict=False):
            draw_panel(part, cell.panel, cell.runs, cell.title)
        _add_heading(figure, runs, name)
    return figure


def _cells(panel: Panel, runs: Sequence[RunHistory]) -> Iterator[Cell]:
    """Lines and bars of several runs share a plot; heatmaps would hide each other."""
    keys = drawn_keys(panel, runs)
    if panel.kind != "heatmap":
        yield Cell(panel, runs, panel.title)
        return
    for run in runs:
        for key, words in keys.items():
            if key in run.histograms:
                apart = [words] * (len(keys) > 1) + [run.label] * (len(runs) > 1)
                title = ": ".join([panel.title, *([", ".join(apart)] if apart else [])])
                yield Cell(replace(panel, keys={key: words}), [run], title)


def _add_heading(figure: Figure, runs: Sequence[RunHistory], name: str) -> None:
    words = [name[:1].upper() + name[1:]] * bool(name) + [runs[0].label] * (len(runs) == 1)
    if words:
        figure.suptitle(": ".join(words), fontweight="bold")
    if len(runs) > 1:
        figure.legend(handles=run_handles(runs), loc="outside lower center", ncols=len(runs))


def save(figure: Figure, path: Path) -> None:
    """Writes a figure whole or not at all.  Raises `NotWritten`."""
    with atomic_write(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."))
