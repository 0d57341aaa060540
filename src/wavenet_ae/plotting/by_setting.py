"""A metric against each setting that was varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import mean

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wavenet_ae.plotting.style import (
    COLORS,
    DOTS_PER_INCH,
    FONT_SIZES,
    set_log_x,
    set_names,
    write_numbers_in_full,
)

MAX_PANELS = 6
PANEL_INCHES = (4.4, 3.6)


@dataclass(frozen=True)
class VariedSetting:
    """Values of a setting, and what runs reached with them.

    Attributes:
        name: The setting.
        values: Its value in each run: all numbers, or all words.
        results: The metric of each run.
    """

    name: str
    values: Sequence[float] | Sequence[str]
    results: Sequence[float]


def plot_by_setting(settings: Sequence[VariedSetting], label: str) -> Figure:
    """Plots a metric against each of several settings, in panels that share its axis.

    Args:
        settings: One or more settings; those without room are named above the panels.
        label: What the metric measures, with its unit.
    """
    shown, left_out = settings[:MAX_PANELS], settings[MAX_PANELS:]
    num_columns = min(3, len(shown))
    num_rows = ceil(len(shown) / num_columns)
    width, height = PANEL_INCHES
    size = (max(num_columns * width, 7.0), num_rows * height)
    with matplotlib.rc_context(FONT_SIZES):
        figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
        all_axes = list(figure.subplots(num_rows, num_columns, squeeze=False, sharey=True).flat)
        for axes, setting in zip(all_axes, shown, strict=False):
            _plot_setting(axes, setting)
        for axes in all_axes[len(shown) :]:
            axes.remove()
        if left_out:
            names = ", ".join(each.name for each in left_out)
            figure.suptitle(f"Not plotted: {names}", fontsize=FONT_SIZES["axes.labelsize"])
        write_numbers_in_full(all_axes[0])  # which all share
        figure.supylabel(label, fontsize=FONT_SIZES["axes.labelsize"])
    return figure


def _plot_setting(axes: Axes, setting: VariedSetting) -> None:
    """Plots a point for each run, and a bar at the mean of runs that share a value."""
    places = _place(axes, setting.values)
    axes.plot(places, setting.results, "o", color=COLORS[0], markersize=5, alpha=0.6)
    for place in sorted(set(places)):
        shared = [y for x, y in zip(places, setting.results, strict=True) if x == place]
        if len(shared) > 1:
            axes.plot([place], [mean(shared)], "_", color=COLORS[1], markersize=18, mew=2)
    axes.set_xlabel(setting.name)
    axes.grid(alpha=0.3)


def _place(axes: Axes, values: Sequence[float] | Sequence[str]) -> list[float]:
    """Returns the position of each value on the x axis, which it labels or scales."""
    if any(isinstance(value, str) for value in values):
        names = [str(value) for value in dict.fromkeys(values)]
        set_names(axes, names)
        return [float(names.index(str(value))) for value in values]
    places = [float(value) for value in values]
    if min(places) > 0 and max(places) >= 10 * min(places):
        set_log_x(axes, min(places) / 1.25, max(places) * 1.25)
    return places
