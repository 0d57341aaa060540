"""Rate and distortion: what models reach for how many bits per second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wavenet_ae.plotting.figures import add_legend, legend_inches, page_figure
from wavenet_ae.plotting.series import MEAN_SIZE, RUN_SIZE, Look, Series, looks, plot_names
from wavenet_ae.plotting.style import (
    DOTS_PER_INCH,
    FONT_SIZES,
    GRAY,
    PAGE_STYLE,
    set_log_x,
    write_numbers_in_full,
)

WIDE_INCHES = (9.6, 5.4)
PANEL_INCHES = 2.4
RATE_LABEL = "bits per second"


def plot_rate_distortion(series: Sequence[Series], metrics: Mapping[str, str]) -> Figure | None:
    """Plots several metrics against the bitrate, one below the other, for a page.

    Args:
        series: The models, which the legend names with their rates.
        metrics: Labels by the names of the metrics; one that fewer than two models have, or none
            with a rate, is left out.

    Returns:
        The figure, or None if no metric is left.
    """
    shown = [name for name in metrics if _can_be_plotted(series, name)]
    if not shown:
        return None
    with matplotlib.rc_context(PAGE_STYLE):
        figure = page_figure(PANEL_INCHES * len(shown) + legend_inches(len(series) + 2))
        parts = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
        handles = {str(each.get_label()): each for each in _marker_meanings(series)}
        for axes, name in zip(parts, shown, strict=True):
            lines = _plot_metric(axes, series, name)
            handles |= {str(line.get_label()): line for line in _with_rates(series, lines)}
            axes.set_ylabel(metrics[name])
            axes.grid(alpha=0.3)
        parts[-1].set_xlabel(RATE_LABEL)
        add_legend(figure, list(handles.values()))
    return figure


def plot_rate_distortion_and_names(
    series: Sequence[Series], metric: str, label: str, order: str
) -> Figure:
    """Plots a metric against the bitrate, and next to it for each series by its name.

    Args:
        series: The series in the order in which the right part names them.
        metric: The name of the metric.
        label: What it measures, with its unit.
        order: What the order is, such as "lowest first".
    """
    with matplotlib.rc_context(FONT_SIZES):
        figure = Figure(figsize=WIDE_INCHES, layout="constrained", dpi=DOTS_PER_INCH)
        rates, names = figure.subplots(1, 2, sharey=True, width_ratios=(1.4, 1))
        handles = _plot_metric(rates, series, metric)
        plot_names(names, series, metric)
        write_numbers_in_full(rates)
        rates.set(title="Rate and distortion", ylabel=label, xlabel=RATE_LABEL)
        rates.grid(alpha=0.3)
        names.set_title(f"Each, {order}")
        unrated = [handles[each.name] for each in series if not each.has_rate]
        for line in unrated:
            line.set_label(f"{line.get_label()}, no rate")
        shown = [*_marker_meanings(series), *unrated]
        figure.legend(handles=shown, loc="outside lower center", ncols=min(5, len(shown)))
    return figure


def _with_rates(series: Sequence[Series], lines: Mapping[str, Line2D]) -> Iterator[Line2D]:
    """Yields the line of each series, labeled with its rate."""
    for each in series:
        if each.name in lines:
            rates = [run.used_rate for run in each.runs if run.used_rate is not None]
            words = f"{mean(rates):.0f} bit/s" if rates else "no rate"
            lines[each.name].set_label(f"{each.name}: {words}")
            yield lines[each.name]


def _can_be_plotted(series: Sequence[Series], metric: str) -> bool:
    there = [each for each in series if each.values(metric)]
    return len(there) > 1 and any(each.points(metric) for each in there)


def _plot_metric(axes: Axes, series: Sequence[Series], metric: str) -> dict[str, Line2D]:
    """Plots all series that have a metric, and returns a handle for each by its name."""
    low, high = _rate_limits(series)
    set_log_x(axes, low, high)
    handles = {}
    for each, look in zip(series, looks(series), strict=True):
        if each.values(metric):
            plot = _plot_point if each.points(metric) else _plot_level
            handles[each.name] = plot(axes, each, metric, look, low)
    return handles


def _rate_limits(series: Sequence[Series]) -> tuple[float, float]:
    rates = [run.used_rate for each in series for run in each.runs]
    rates += [each.nominal_rate for each in series]
    positive = [rate for rate in rates if rate]
    return (min(positive) / 1.25, max(positive) * 1.25) if positive else (1, 10)


def _plot_level(axes: Axes, series: Series, metric: str, look: Look, low: float) -> Line2D:
    """Plots a model without a rate as a line, pale from its lowest run to its highest."""
    values = series.values(metric)
    if len(values) > 1:
        axes.axhspan(min(values), max(values), color=look.color, alpha=0.15, linewidth=0)
    style: Any = {"color": look.color, "linestyle": look.dashes, "linewidth": 1.4}
    return axes.axhline(mean(values), label=series.name, **style)


def _plot_point(axes: Axes, series: Series, metric: str, look: Look, low: float) -> Line2D:
    """Plots the mean at the rate that is used, hollow at the nominal rate, and each run small.

    A collapsed codebook, whose rate is 0, is plotted at the left edge.
    """
    points = [(max(rate, low), value) for rate, value in series.points(metric)]
    rate, value = max(mean(rate for rate, _ in points), low), mean(series.values(metric))
    style: Any = {"color": look.color, "marker": look.marker, "linestyle": "none"}
    if len(points) > 1:
        axes.plot(*zip(*points, strict=True), **style, markersize=RUN_SIZE, alpha=0.5)
    if series.nominal_rate is not None:
        axes.plot([rate, series.nominal_rate], [value, value], color=look.color, linewidth=0.8)
        hollow = {**style, "markersize": MEAN_SIZE, "markerfacecolor": "white"}
        axes.plot([series.nominal_rate], [value], **hollow)
    style |= {"markersize": MEAN_SIZE, "clip_on": False, "zorder": 3}
    return axes.plot([rate], [value], label=series.name, **style)[0]


def _marker_meanings(series: Sequence[Series]) -> list[Line2D]:
    """Returns handles that say what filled, hollow and small markers mean, if there are such."""
    style: Any = {"color": GRAY, "marker": "o", "linestyle": "none", "markersize": MEAN_SIZE}
    rated = [each for each in series if each.has_rate]
    meanings = [Line2D([], [], **style, label="at the entropy of its codes, or KL")]
    if any(each.nominal_rate is not None for each in rated):
        meanings.append(
            Line2D([], [], **style, markerfacecolor="white", label="at the nominal rate")
        )
    if any(len(each.runs) > 1 for each in rated):
        small: Any = {**style, "markersize": RUN_SIZE, "linestyle": "-", "linewidth": 0.7}
        meanings.append(Line2D([], [], **small, alpha=0.5, label="each run, joined by seed"))
    return meanings
