"""Pages of panels: a dashboard as figures and as files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from wavenet_ae.dashboards.history import RunHistory
from wavenet_ae.dashboards.panels import Panel, section_names
from wavenet_ae.plotting.figures import save
from wavenet_ae.plotting.panels import plot_panel, plotted_keys, run_handles
from wavenet_ae.plotting.style import DOTS_PER_INCH, FONT_SIZES

CELL_INCHES = (5.2, 3.5)
LEGEND_INCHES = 0.5  # of a page's title, and of its legend of runs


@dataclass(frozen=True)
class Cell:
    """One plot of a page.

    Attributes:
        panel: What it shows.
        runs: The runs that it shows, one over the other.
        title: Its title.
    """

    panel: Panel
    runs: Sequence[RunHistory]
    title: str


@dataclass(frozen=True)
class Dashboard:
    """A dashboard as it was written.

    Attributes:
        files: The files.
        left_out: Names of the panels for which no run has logged anything.
    """

    files: list[Path]
    left_out: list[str]


def plot_dashboard(
    panels: Sequence[Panel],
    runs: Sequence[RunHistory],
    folder: Path,
    formats: Sequence[str],
    each: str,
) -> Dashboard:
    """Writes a dashboard of some runs.

    Args:
        panels: The panels; those without data are left out.
        runs: The runs, one over the other in each plot.
        folder: Where the files go.
        formats: Suffixes, such as "png"; a file is written in each.
        each: "section": a file for each section; "panel": a file for each panel.

    Raises:
        UserError: If a file cannot be written.
    """
    has_data = [panel for panel in panels if plotted_keys(panel, runs)]
    left_out = [panel.name for panel in panels if panel not in has_data]
    files = []
    for name, on_page in _pages(has_data, each):
        figure = plot_page(on_page, runs, name if each == "section" else "")
        for suffix in formats:
            files.append(folder / f"{re.sub(r'[^a-z0-9.-]+', '_', name.lower())}.{suffix}")
            save(figure, files[-1])
    return Dashboard(files, left_out)


def _pages(panels: Sequence[Panel], each: str) -> Iterator[tuple[str, list[Panel]]]:
    if each == "panel":
        yield from ((panel.name, [panel]) for panel in panels)
        return
    for section in section_names(panels):
        yield section, [panel for panel in panels if panel.section == section]


def plot_page(
    panels: Sequence[Panel], runs: Sequence[RunHistory], name: str = "", columns: int = 2
) -> Figure:
    """Plots panels in columns.

    Args:
        panels: The panels, each with data of some run.
        runs: The runs; several have a legend below the page.
        name: The page's name, in its heading.
        columns: Columns, of which few panels fill fewer.
    """
    cells = [cell for panel in panels for cell in _cells(panel, runs)]
    num_columns = min(columns, len(cells))
    num_rows = ceil(len(cells) / num_columns)
    width, height = CELL_INCHES
    with matplotlib.rc_context(FONT_SIZES):
        size = (num_columns * width, num_rows * height + LEGEND_INCHES * (1 + (len(runs) > 1)))
        figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
        parts = figure.subfigures(num_rows, num_columns, squeeze=False).flat
        for part, cell in zip(parts, cells, strict=False):
            plot_panel(part, cell.panel, cell.runs, cell.title)
        _add_heading(figure, runs, name)
    return figure


def _cells(panel: Panel, runs: Sequence[RunHistory]) -> Iterator[Cell]:
    # Lines and bars of several runs share a plot; heatmaps would hide each other.
    keys = plotted_keys(panel, runs)
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
