"""Rates and distortions of groups of runs that differ in their bottleneck, or in its rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wavenet_ae.comparison.figure_axes import NLL_LABEL, label_nll, name_places, scale_by_ratio
from wavenet_ae.comparison.groups import NOMINAL, Group, used_rate
from wavenet_ae.comparison.keys import in_words
from wavenet_ae.comparison.paired import by_seed, lowest_first
from wavenet_ae.comparison.summary import NLL
from wavenet_ae.dashboards.drawing import COLORS, GRAY, STYLES
from wavenet_ae.dashboards.pages import DOTS_PER_INCH

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*", "p")
MOST_SERIES = len(MARKERS)
INCHES = (9.6, 5.4)
MEAN_SIZE, RUN_SIZE = 7, 3.5


def has_rates(groups: Sequence[Group]) -> bool:
    """Whether rates tell the groups apart."""
    finished = [each.figures for group in groups for each in group.finished]
    is_varied = any("bottleneck" in group.settings for group in groups)
    return any(used_rate(each) is not None for each in finished) and (
        is_varied or len({each.get(NOMINAL) for each in finished}) > 1
    )


def draw_rates(groups: Sequence[Group]) -> Figure:
    """Bits per second and NLL, a color and marker a group; beside it each group by its name."""
    figure = Figure(figsize=INCHES, layout="constrained", dpi=DOTS_PER_INCH)
    rates, names = figure.subplots(1, 2, sharey=True, width_ratios=(1.4, 1))
    ordered = lowest_first(groups)
    handles = []
    for place, (group, look) in enumerate(zip(ordered, _looks(ordered), strict=True)):
        if look.marker is None:
            handles.append(_draw_level(rates, group, look))
        else:
            _draw_point(rates, group, look)
        _draw_column(names, place, group, look)
    _join_seeds(names, ordered)
    _scale_rates(rates, groups)
    label_nll(rates)
    rates.set(title="Rate and distortion", ylabel=NLL_LABEL, xlabel="bits per second")
    names.set(title="Each, lowest first", xlim=(-0.6, len(groups) - 0.4))
    name_places(names, [_label(group) for group in ordered])
    for axes in (rates, names):
        axes.grid(alpha=0.3)
    handles = _meanings(groups) + handles
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))
    return figure


@dataclass(frozen=True)
class Look:
    """Of a group with a rate its color and marker, of one without the dashes of its line."""

    color: str
    marker: str | None
    style: Any


def _looks(groups: Sequence[Group]) -> list[Look]:
    looks: list[Look] = []
    num_lines = 0
    for group in groups:
        if not _rates_and_nlls(group):
            looks.append(Look(GRAY, None, STYLES[num_lines % len(STYLES)]))
            num_lines += 1
        else:
            index = len(looks) - num_lines
            looks.append(Look(COLORS[index % len(COLORS)], MARKERS[index], "none"))
    return looks


def _draw_level(axes: Axes, group: Group, look: Look) -> Line2D:
    """A bottleneck that passes vectors on has no rate; pale: from its lowest to its highest run."""
    nlls = group.figures(NLL)
    if len(nlls) > 1:
        axes.axhspan(min(nlls), max(nlls), color=GRAY, alpha=0.15, linewidth=0)
    label = f"{_label(group)}, no rate"
    return axes.axhline(mean(nlls), color=GRAY, linestyle=look.style, linewidth=1.4, label=label)


def _draw_point(axes: Axes, group: Group, look: Look) -> None:
    """Runs small and pale, their mean large; hollow at the nominal rate, where there is one."""
    points = _rates_and_nlls(group)
    rate, nll = mean(rate for rate, _ in points), mean(group.figures(NLL))
    style: dict[str, Any] = {"color": look.color, "marker": look.marker, "linestyle": "none"}
    if len(points) > 1:
        axes.plot(*zip(*points, strict=True), **style, markersize=RUN_SIZE, alpha=0.5)
    nominal = group.figures(NOMINAL)
    if nominal:
        axes.plot([rate, nominal[0]], [nll, nll], color=look.color, linewidth=0.8)
        axes.plot([nominal[0]], [nll], **style, markersize=MEAN_SIZE, markerfacecolor="white")
    axes.plot([rate], [nll], **style, markersize=MEAN_SIZE, label=_label(group))


def _draw_column(axes: Axes, place: int, group: Group, look: Look) -> None:
    nlls = group.figures(NLL)
    style: dict[str, Any] = {"color": look.color, "linestyle": "none"}
    marker = look.marker or "o"
    if len(nlls) > 1:
        places = [place] * len(nlls)
        axes.plot(places, nlls, **style, marker=marker, markersize=RUN_SIZE, alpha=0.5)
    if look.marker is None:
        axes.plot([place], [mean(nlls)], **style, marker="_", markersize=14, mew=2)
    else:
        axes.plot([place], [mean(nlls)], **style, marker=marker, markersize=MEAN_SIZE)


def _join_seeds(axes: Axes, groups: Sequence[Group]) -> None:
    """Runs of one seed are measured on the same samples: where lines are parallel, what differs
    between seeds is the samples."""
    nlls = [by_seed(group) for group in groups]
    for seed in sorted({seed for each in nlls for seed in each}):
        at = [(place, each[seed]) for place, each in enumerate(nlls) if seed in each]
        axes.plot(*zip(*at, strict=True), color=GRAY, linewidth=0.7, alpha=0.6, zorder=0)


def _rates_and_nlls(group: Group) -> list[tuple[float, float]]:
    found = [(used_rate(each.figures), each.figures.get(NLL)) for each in group.finished]
    return [(rate, nll) for rate, nll in found if rate is not None and nll is not None]


def _scale_rates(axes: Axes, groups: Sequence[Group]) -> None:
    """Logarithmic, with plain numbers; a collapsed codebook's rate of 0 is drawn at the edge."""
    rates = [rate for group in groups for rate, _ in _rates_and_nlls(group)]
    rates += [rate for group in groups for rate in group.figures(NOMINAL)]
    positive = [rate for rate in rates if rate > 0]
    if not positive:
        return
    axes.set_xlim(min(positive) / 1.25, max(positive) * 1.25)
    scale_by_ratio(axes)


def _meanings(groups: Sequence[Group]) -> list[Line2D]:
    """What filled, hollow and small markers mean, as far as there are such."""
    style: dict[str, Any] = {"color": GRAY, "marker": "o", "linestyle": "none"}
    wide = {**style, "markersize": MEAN_SIZE}
    rated = [group for group in groups if _rates_and_nlls(group)]
    meanings = [Line2D([], [], **wide, label="at the entropy of its codes, or KL")]
    if any(group.figures(NOMINAL) for group in rated):
        meanings.append(
            Line2D([], [], **wide, markerfacecolor="white", label="at the nominal rate")
        )
    if any(len(group.finished) > 1 for group in rated):
        joined: dict[str, Any] = {**style, "linestyle": "-", "linewidth": 0.7, "alpha": 0.5}
        meanings.append(
            Line2D([], [], **joined, markersize=RUN_SIZE, label="each run, joined by seed")
        )
    return meanings


def _label(group: Group) -> str:
    return ", ".join(in_words(value) for value in group.settings.values()) or "all runs"
