"""NLL against each setting that was varied."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wavenet_ae.comparison.figure_axes import NLL_LABEL, label_nll, name_places, scale_by_ratio
from wavenet_ae.comparison.figure_rates import has_rates
from wavenet_ae.comparison.groups import Group, used_rate
from wavenet_ae.comparison.keys import SEED, in_words
from wavenet_ae.comparison.summary import NLL
from wavenet_ae.dashboards.drawing import COLORS
from wavenet_ae.dashboards.pages import DOTS_PER_INCH, FONT_SIZES

MOST_PANELS = 6
PANEL_INCHES = (4.4, 3.6)
USED_LABEL = "bit/s: entropy of the codes, or KL"


def draw_settings(groups: Sequence[Group]) -> Figure | None:
    """NLL against each varied setting, and against the rate where nominal rates differ."""
    found = _panels(groups)
    panels, left_out = found[:MOST_PANELS], found[MOST_PANELS:]
    if not panels:
        return None
    num_columns = min(3, len(panels))
    num_rows = ceil(len(panels) / num_columns)
    width, height = PANEL_INCHES
    size = (max(num_columns * width, 7.0), num_rows * height)
    figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
    all_axes = list(figure.subplots(num_rows, num_columns, squeeze=False, sharey=True).flat)
    for axes, (name, values, nlls) in zip(all_axes, panels, strict=False):
        _draw_panel(axes, name, values, nlls)
    for axes in all_axes[len(panels) :]:
        axes.remove()
    if left_out:
        words = f"Not drawn: {', '.join(name for name, *_ in left_out)}"
        figure.suptitle(words, fontsize=FONT_SIZES["axes.labelsize"])
    label_nll(all_axes[0])  # which all share
    figure.supylabel(NLL_LABEL, fontsize=FONT_SIZES["axes.labelsize"])
    return figure


def _panels(groups: Sequence[Group]) -> list[tuple[str, list[Any], list[float]]]:
    """Name, and for each finished run that has it its value and NLL."""
    runs = [
        (row.settings, row.result.figures)
        for group in groups
        for row in group.rows
        if row.result.is_finished and NLL in row.result.figures
    ]
    keys = list(dict.fromkeys(key for settings, _ in runs for key in settings))
    keys = [key for key in keys if key != SEED] or keys
    found = [(key, [(own.get(key), figures[NLL]) for own, figures in runs]) for key in keys]
    if has_rates(groups):
        found.append((USED_LABEL, [(used_rate(figures), figures[NLL]) for _, figures in runs]))
    panels = [(name, *_drawable(pairs)) for name, pairs in found]
    return [panel for panel in panels if panel[1]]  # all who have a value may have failed


def _drawable(pairs: Sequence[tuple[Any, float]]) -> tuple[list[Any], list[float]]:
    """Values and NLLs: among words, null is one, and so is what is not finite; among numbers, who
    has none is left out."""
    if any(isinstance(value, str) or value in (inf, -inf) for value, _ in pairs):
        pairs = [("null" if value is None else in_words(value), nll) for value, nll in pairs]
    there = [(value, nll) for value, nll in pairs if value is not None]
    return [value for value, _ in there], [nll for _, nll in there]


def _draw_panel(axes: Axes, name: str, values: Sequence[Any], nlls: Sequence[float]) -> None:
    """A point a run, and a bar at the mean of runs that share a value."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        places = [float(value) for value in values]
        if min(places) > 0 and max(places) >= 10 * min(places):
            axes.set_xlim(min(places) / 1.25, max(places) * 1.25)
            scale_by_ratio(axes)
    else:
        names = list(dict.fromkeys(in_words(value) for value in values))
        places = [float(names.index(in_words(value))) for value in values]
        name_places(axes, names)
        axes.set_xlim(-0.5, len(names) - 0.5)
    axes.plot(places, nlls, "o", color=COLORS[0], markersize=5, alpha=0.6)
    for place in sorted(set(places)):
        shared = [nll for at, nll in zip(places, nlls, strict=True) if at == place]
        if len(shared) > 1:
            axes.plot([place], [mean(shared)], "_", color=COLORS[1], markersize=18, mew=2)
    axes.set_xlabel(name)
    axes.grid(alpha=0.3)
