"""A metric of several series, each by its name."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wavenet_ae.plotting.axes import set_names, write_numbers_in_full
from wavenet_ae.plotting.series import Look, Series, looks
from wavenet_ae.plotting.style import COLORS, DOTS_PER_INCH, FONT_SIZES, GRAY

INCHES_A_NAME, MIN_INCHES, HEIGHT_INCHES = 0.6, 5.0, 4.4
MEAN_SIZE, RUN_SIZE = 7, 3.5  # of markers, in points


def plot_by_name(series: Sequence[Series], metric: str, label: str, order: str) -> Figure:
    """Plots a metric of each series above its name.

    Args:
        series: The series, in the order of their names.
        metric: The name of the metric.
        label: What it measures, with its unit.
        order: What the order is, such as "lowest first".
    """
    width = max(MIN_INCHES, 1 + INCHES_A_NAME * len(series))
    with matplotlib.rc_context(FONT_SIZES):
        figure = Figure((width, HEIGHT_INCHES), layout="constrained", dpi=DOTS_PER_INCH)
        axes = figure.subplots()
        plot_names(axes, series, metric, [Look(COLORS[0], "o", "none")] * len(series))
        write_numbers_in_full(axes)
        axes.set(title=f"Each, {order}", ylabel=label)
    return figure


def plot_names(
    axes: Axes, series: Sequence[Series], metric: str, styles: Sequence[Look] | None = None
) -> None:
    """Plots a metric of each series above its name: runs small, their mean large.

    Lines join the runs of a seed, which are measured on the same samples: where they are parallel,
    the samples are what differs between seeds.

    Args:
        axes: The axes, whose x axis takes the names.
        series: The series, in the order of their names.
        metric: The name of the metric.
        styles: A look for each; `looks(series)` if None.
    """
    for place, (each, look) in enumerate(zip(series, styles or looks(series), strict=True)):
        if values := each.values(metric):
            _plot_column(axes, place, values, look)
    by_seed = [each.by_seed(metric) for each in series]
    for seed in sorted({seed for each in by_seed for seed in each}):
        at = [(place, each[seed]) for place, each in enumerate(by_seed) if seed in each]
        axes.plot(*zip(*at, strict=True), color=GRAY, linewidth=0.7, alpha=0.6, zorder=0)
    set_names(axes, [each.name for each in series])
    axes.grid(alpha=0.3)


def _plot_column(axes: Axes, place: int, values: Sequence[float], look: Look) -> None:
    style: Any = {"color": look.color, "linestyle": "none"}
    marker = look.marker or "o"
    if len(values) > 1:
        places = [place] * len(values)
        axes.plot(places, values, **style, marker=marker, markersize=RUN_SIZE, alpha=0.5)
    if look.marker is None:
        axes.plot([place], [mean(values)], **style, marker="_", markersize=14, mew=2)
    else:
        axes.plot([place], [mean(values)], **style, marker=marker, markersize=MEAN_SIZE)
