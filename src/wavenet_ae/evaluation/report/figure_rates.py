"""What is heard and predicted for how many bits per second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from wavenet_ae.dashboards.drawing import COLORS, GRAY, STYLES
from wavenet_ae.evaluation.report.figure import Figure, as_figure
from wavenet_ae.evaluation.report.figure_style import (
    add_legend,
    drawing_of,
    legend_inches,
    number_ratios,
)
from wavenet_ae.evaluation.report.rate_distortion import MEASURES, Point, comparable_points
from wavenet_ae.evaluation.results import EvaluationResult

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*", "p")
POINTS: dict[str, Any] = dict(linestyle="none", markersize=7)
PANEL_INCHES = 2.4


def rates(results: Sequence[EvaluationResult]) -> Iterator[Figure]:
    """One for each corpus on which several models were evaluated, some of which have a rate."""
    for index, points in enumerate(comparable_points(results)):
        measures = [each for each in MEASURES if _can_be_drawn(points, each)]
        if not measures:
            continue
        height = PANEL_INCHES * len(measures) + legend_inches(len(points) + 2)
        drawing = drawing_of(height)
        parts = drawing.subplots(len(measures), 1, squeeze=False, sharex=True)[:, 0]
        low, high = _limits(points)
        handles = _meanings(points)
        for axes, measure in zip(parts, measures, strict=True):
            drawn = _draw(axes, [each for each in points if measure in each.values], measure, low)
            handles |= {str(line.get_label()): line for line in drawn}
            axes.set_ylabel(MEASURES[measure])
            axes.grid(alpha=0.3)
        parts[-1].set(xscale="log", xlim=(low, high), xlabel="bits per second")
        number_ratios(parts[-1].xaxis, low, high)
        add_legend(drawing, list(handles.values()))
        about = (
            "Lower is better, and so is further left.  Bits per second as the codes' frequencies "
            "have them (unigram), or the KL; a dashed line is a model without a rate."
        )
        yield as_figure(drawing, f"rates-{index}", "Rate and distortion", about)


def _can_be_drawn(points: Sequence[Point], measure: str) -> bool:
    measured = [each for each in points if measure in each.values]
    return len(measured) > 1 and any(each.used is not None for each in measured)


def _draw(axes: Axes, points: Sequence[Point], measure: str, low: float) -> list[Line2D]:
    """Filled at the rate that was used, hollow at the nominal one."""
    handles = []
    for point in points:
        value, color = point.values[measure], COLORS[point.number % len(COLORS)]
        if point.used is None:
            style = STYLES[1 + point.number % (len(STYLES) - 1)]
            label = f"{point.name}: no rate"
            handles.append(axes.axhline(value, label=label, color=GRAY, linestyle=style))
            continue
        marker = MARKERS[point.number % len(MARKERS)]
        look: dict[str, Any] = dict(color=color, marker=marker, **POINTS)
        used = max(point.used, low)  # what has collapsed to 0 stands at the edge
        if point.nominal is not None:
            axes.plot([used, point.nominal], [value, value], color=color, linewidth=0.8)
            axes.plot([point.nominal], [value], markerfacecolor="white", **look)
        label = f"{point.name}: {point.used:.0f} bit/s"
        handles += axes.plot([used], [value], label=label, clip_on=False, zorder=3, **look)
    return handles


def _limits(points: Sequence[Point]) -> tuple[float, float]:
    rates = [rate for each in points for rate in (each.used, each.nominal) if rate]
    return (min(rates) / 1.25, max(rates) * 1.25) if rates else (1, 10)


def _meanings(points: Sequence[Point]) -> dict[str, Any]:
    style: dict[str, Any] = dict(color=GRAY, marker="o", **POINTS)
    meanings = [Line2D([], [], label="used", **style)]
    if any(each.nominal is not None for each in points):
        meanings.append(Line2D([], [], label="nominal", markerfacecolor="white", **style))
    return {str(line.get_label()): line for line in meanings}
