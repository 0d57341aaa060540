"""What the figures of a page share: a width that leaves texts legible on a phone, and looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import LogLocator, MaxNLocator

from wavenet_ae.dashboards.drawing import COLORS, STYLES
from wavenet_ae.dashboards.pages import FONT_SIZES

WIDTH_INCHES = 5.2
LEGEND_CHARACTERS = 72  # that a line of a legend has room for
# A label such as $x_1$ is a text and no formula, so tick labels must be plain numbers.
STYLE: Any = {
    **FONT_SIZES,
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "white"),
    "text.parse_math": False,
}


def drawing_of(height_inches: float) -> Drawing:
    return Drawing(figsize=(WIDTH_INCHES, height_inches), layout="constrained")


def look(index: int) -> dict[str, Any]:
    """Color and dashes of the line of one of many models."""
    rounds, color = divmod(index, len(COLORS))
    return {"color": COLORS[color], "linestyle": STYLES[rounds % len(STYLES)]}


def add_legend(drawing: Drawing, handles: Sequence[Any]) -> None:
    """Below all, in as many columns as have room."""
    widest = max(len(str(handle.get_label())) for handle in handles)
    num_columns = max(1, min(4, len(handles), LEGEND_CHARACTERS // (widest + 8)))
    drawing.legend(handles=handles, loc="outside lower center", ncols=num_columns, handlelength=3)


def legend_inches(num_lines: int) -> float:
    return 0.15 + 0.17 * num_lines


def number_ratios(axis: Axis, low: float, high: float) -> None:
    """Plain numbers, where they have room, on a logarithmic axis from `low` to `high`."""
    steps = (1.0,) if high > 100 * low else (1.0, 2.0, 5.0)
    axis.set_major_locator(MaxNLocator(5) if high < 5 * low else LogLocator(subs=steps))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
