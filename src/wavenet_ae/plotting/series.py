"""Models as plots compare them: each a series of runs, with a look and a name of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wavenet_ae.plotting.style import (
    COLORS,
    DASHES,
    DOTS_PER_INCH,
    FONT_SIZES,
    GRAY,
    MARKERS,
    cycle,
    set_names,
    write_numbers_in_full,
)

INCHES_A_NAME, MIN_INCHES, HEIGHT_INCHES = 0.6, 5.0, 4.4
MEAN_SIZE, RUN_SIZE = 7, 3.5  # of markers, in points


@dataclass(frozen=True)
class Run:
    """One run of a model.

    Attributes:
        values: Its metrics by name.
        used_rate: Bits per second that its codes carry at most: their entropy, or a KL; None for a
            model without a rate.
        seed: Its seed, if it has one.
    """

    values: Mapping[str, float]
    used_rate: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Series:
    """Runs that differ in their seed alone.

    Attributes:
        name: What people call it.
        runs: The runs.
        nominal_rate: Bits per second if all codes were equally frequent, for models with codes.
    """

    name: str
    runs: Sequence[Run]
    nominal_rate: float | None = None

    def values(self, metric: str) -> list[float]:
        """Returns a metric of the runs that have it."""
        return [run.values[metric] for run in self.runs if metric in run.values]

    def points(self, metric: str) -> list[tuple[float, float]]:
        """Returns rate and metric of the runs that have both."""
        return [
            (run.used_rate, run.values[metric])
            for run in self.runs
            if run.used_rate is not None and metric in run.values
        ]

    @property
    def has_rate(self) -> bool:
        """Whether any run has a rate."""
        return any(run.used_rate is not None for run in self.runs)

    def by_seed(self, metric: str) -> dict[int, float]:
        """Returns a metric for each seed, the mean over runs that share one."""
        found: dict[int, list[float]] = defaultdict(list)
        for run in self.runs:
            if run.seed is not None and metric in run.values:
                found[run.seed].append(run.values[metric])
        return {seed: mean(values) for seed, values in found.items()}


@dataclass(frozen=True)
class Look:
    """How a series looks in all parts of a plot.

    Attributes:
        color: Its color; gray for a series without a rate.
        marker: Its marker, or None for a series without a rate.
        dashes: The dashes of its line, for a series without a rate.
    """

    color: str
    marker: str | None
    dashes: object


def looks(series: Sequence[Series]) -> list[Look]:
    """Gives each series a look that no other has, as far as there are markers."""
    found: list[Look] = []
    for index, each in enumerate(series):
        if each.has_rate:
            found.append(Look(cycle(COLORS, index), cycle(MARKERS, index), "none"))
        else:
            num_lines = sum(look.marker is None for look in found)
            found.append(Look(GRAY, None, cycle(DASHES[1:], num_lines)))
    return found


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
