"""The results of a sweep as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from wavenet_ae.comparison.figure_rates import MOST_SERIES, draw_rates, has_rates
from wavenet_ae.comparison.figure_settings import draw_settings
from wavenet_ae.comparison.groups import Group
from wavenet_ae.comparison.summary import NLL
from wavenet_ae.dashboards.pages import FONT_SIZES
from wavenet_ae.storage import atomic_write


def draw_results(groups: Sequence[Group]) -> Figure | None:
    """A picture of the finished runs; None where nothing was varied, or nothing measured.

    Where bottlenecks or nominal rates differ, up to MOST_SERIES of them share axes of rate and
    distortion; else a panel for each varied setting.
    """
    measured = [group for group in groups if group.figures(NLL)]
    with matplotlib.rc_context(FONT_SIZES):
        if len(measured) <= MOST_SERIES and has_rates(measured):
            return draw_rates(measured)
        return draw_settings(measured)


def write_figure(figure: Figure, path: Path) -> Path:
    """Writes a figure whole or not at all.  Raises `NotWritten`."""
    with atomic_write(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."))
    return path
