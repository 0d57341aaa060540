"""One panel of a dashboard: lines, bars or a heatmap, in a part of a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from wavenet_ae.dashboards.history import Histogram, RunHistory
from wavenet_ae.dashboards.panels import Panel
from wavenet_ae.plotting.style import COLORS, DASHES, FEW_POINTS, GRAY, cycle
from wavenet_ae.plotting.units import UNIFORM

MANY = 200  # points, from which on a line is of means, before the pale points themselves
NUM_MEANS = 100
BRIGHTEST = 99.5  # percentile of a heatmap's values that has the last color


def plotted_keys(panel: Panel, runs: Iterable[RunHistory]) -> dict[str, str]:
    """Returns the names that a panel plots of some runs, each with its words in the legend."""
    return panel.matches(name for run in runs for name in _source(panel, run))


def _source(panel: Panel, run: RunHistory) -> Iterable[str]:
    return run.scalars if panel.kind == "lines" else run.histograms


def plot_panel(part: SubFigure, panel: Panel, runs: Sequence[RunHistory], title: str) -> None:
    """Plots what runs have logged for a panel, with a legend of its keys below.

    Args:
        part: The part of a figure; a legend of the runs is the figure's own.
        panel: The panel.
        runs: The runs, one over the other.
        title: The title above the axes.
    """
    axes = part.subplots()
    axes.set(title=title, xlabel=panel.xlabel, ylabel=panel.ylabel)
    axes.title.set_wrap(True)
    plot = {"lines": _plot_lines, "bars": _plot_bars, "heatmap": _plot_heatmap}[panel.kind]
    handles = plot(axes, panel, runs)
    axes.locator_params(axis="x", integer=True)
    _limit(axes, panel)
    if handles:
        widest = max(len(str(handle.get_label())) for handle in handles)
        num_columns = 1 if widest > 30 else 2 if widest > 14 else 3
        part.legend(handles=handles, loc="outside lower center", ncols=num_columns)


def _limit(axes: Axes, panel: Panel) -> None:
    """Sets a panel's limits.

    Above a lower limit alone stays as much room as there is in plots without limits.
    """
    top = axes.get_ylim()[1]
    if panel.ymin is not None and panel.ymax is None and top > panel.ymin:
        axes.set_ylim(panel.ymin, top + 0.05 * (top - panel.ymin))
    else:
        axes.set_ylim(panel.ymin, panel.ymax)


def _plot_lines(axes: Axes, panel: Panel, runs: Sequence[RunHistory]) -> list[Any]:
    """Plots lines: for one run, a color is a key; for several, a color is a run, dashes a key."""
    keys = plotted_keys(panel, runs)
    is_overlay = len(runs) > 1
    found = [
        (run_index, key_index, *run.scalars[key])
        for run_index, run in enumerate(runs)
        for key_index, key in enumerate(keys)
        if key in run.scalars
    ]
    for run_index, key_index, steps, values in found:
        color, style = (run_index, key_index) if is_overlay else (key_index, 0)
        _plot_line(axes, steps, values, cycle(COLORS, color), cycle(DASHES, style))
    if any(len(values) > MANY for *_, values in found):
        axes.set_xlabel(f"{panel.xlabel} (pale: each value, line: means)")
    if panel.log:
        _scale_by_powers(axes, np.concatenate([values for *_, values in found]))
    axes.grid(alpha=0.3)
    return (
        _key_handles(list(keys.values()), is_overlay)
        if len(panel.keys) > 1 or len(keys) > 1
        else []
    )


def _plot_line(axes: Axes, steps: np.ndarray, values: np.ndarray, color: str, style: Any) -> None:
    if len(values) > MANY:
        axes.plot(steps, values, color=color, linewidth=0.5, alpha=0.3)
        steps, values = (
            np.array([part.mean() for part in np.array_split(each, NUM_MEANS)])
            for each in (steps, values)
        )
    marker = "o" if len(values) <= FEW_POINTS else None
    axes.plot(
        steps, values, color=color, linestyle=style, linewidth=1.4, marker=marker, markersize=3
    )


def _scale_by_powers(axes: Axes, values: np.ndarray) -> None:
    """Makes the y axis logarithmic if any value is above 0; plain numbers within a decade."""
    positive = values[np.isfinite(values) & (values > 0)]
    if len(positive):
        axes.set_yscale("log", nonpositive="mask")
        if positive.max() < 10 * positive.min():
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")


def _key_handles(words: list[str], is_overlay: bool) -> list[Line2D]:
    return [
        Line2D([], [], color=GRAY, linestyle=cycle(DASHES, index), label=each)
        if is_overlay
        else Line2D([], [], color=cycle(COLORS, index), label=each)
        for index, each in enumerate(words)
    ]


def run_handles(runs: Sequence[RunHistory]) -> list[Line2D]:
    """Returns handles for the legend of a page on which colors are runs."""
    return [
        Line2D([], [], color=cycle(COLORS, index), linewidth=3, label=run.label)
        for index, run in enumerate(runs)
    ]


def _plot_bars(axes: Axes, panel: Panel, runs: Sequence[RunHistory]) -> list[Any]:
    """Plots the newest histograms, highest bar first; several as outlines over each other."""
    keys = plotted_keys(panel, runs)
    found = [
        (run_index, key_index, run.histograms[key][-1])
        for run_index, run in enumerate(runs)
        for key_index, key in enumerate(keys)
        if key in run.histograms
    ]
    for run_index, key_index, newest in found:
        name = [runs[run_index].label] * (len(runs) > 1)
        name += [list(keys.values())[key_index]] * (len(keys) > 1)
        label = ", ".join([*name, f"step {newest.step}"])
        color, style = (run_index, key_index) if len(runs) > 1 else (key_index, 0)
        bars = _plot_sorted(axes, newest, panel.shares, fill=len(found) == 1)
        bars.set(color=cycle(COLORS, color), linestyle=cycle(DASHES, style))
        bars.set_label(f"{label}: {_use(newest)}" if panel.shares else label)
    for size in sorted({len(each.counts) for *_, each in found}) if panel.shares else []:
        axes.hlines(100 / size, 0.5, size + 0.5, color=GRAY, linestyle="--", label=UNIFORM)
    axes.margins(x=0.01)
    axes.grid(alpha=0.3, axis="y")
    handles, labels = axes.get_legend_handles_labels()
    return list(dict(zip(labels, handles, strict=True)).values())


def _plot_sorted(axes: Axes, histogram: Histogram, as_shares: bool, fill: bool) -> StepPatch:
    heights = np.sort(histogram.counts)[::-1]
    if as_shares:
        heights = 100 * heights / max(heights.sum(), 1)
    edges = np.arange(len(heights) + 1) + 0.5
    return axes.stairs(heights, edges, fill=fill, linewidth=1.4)


def _use(histogram: Histogram) -> str:
    """Says how many codes are used, and the perplexity of their use."""
    share = histogram.counts / max(histogram.counts.sum(), 1)
    share = share[share > 0]
    perplexity = np.exp(-(share * np.log(share)).sum())
    return f"{len(share)} of {len(histogram.counts)} used, perplexity {perplexity:.1f}"


def _plot_heatmap(axes: Axes, panel: Panel, runs: Sequence[RunHistory]) -> list[Any]:
    """Plots a column for each step, the density of its histogram, for one run and one key."""
    (run,), (key,) = runs, plotted_keys(panel, runs)
    histograms = run.histograms[key]
    ends = [each.step for each in histograms]
    ends.insert(0, max(0, 2 * ends[0] - ends[1]) if len(ends) > 1 else 0)
    columns = [each.counts / max(each.counts.sum(), 1) / np.diff(each.edges) for each in histograms]
    brightest = max(float(np.percentile(np.concatenate(columns), BRIGHTEST)), 1e-12)
    for each, (begin, end), column in zip(histograms, pairwise(ends), columns, strict=True):
        mesh = axes.pcolormesh(
            [begin, end], each.edges, column[:, None], vmin=0, vmax=brightest, rasterized=True
        )
    bar = axes.figure.colorbar(mesh, ax=axes, extend="max")
    bar.set_label(panel.color_label)
    return []
