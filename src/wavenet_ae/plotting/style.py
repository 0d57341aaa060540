"""Colors, markers, fonts and axes that all plots share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, MaxNLocator

matplotlib.use("Agg")  # no display is needed

# Okabe and Ito's palette, which color-blind readers can distinguish, without its yellow.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GRAY = "0.45"
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 3)),
    (0, (1, 3)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*", "p")
FEW_POINTS = 8  # up to which each point of a line is marked
DOTS_PER_INCH = 120
FONT_SIZES: Any = {
    "axes.titlesize": 10.5,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
}
# For plots inside an HTML page.  A label such as $x_1$ is a text and no formula there, so tick
# labels must be plain numbers.
PAGE_STYLE: Any = {
    **FONT_SIZES,
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "white"),
    "text.parse_math": False,
}
MAX_CHARACTERS = 40  # of all names below an axis together, up to which they are written level

Item = TypeVar("Item")


def cycle(items: Sequence[Item], index: int) -> Item:
    """Returns an item of a palette, which starts again where it ends."""
    return items[index % len(items)]


def line_style(index: int) -> dict[str, Any]:
    """Returns the color and the dashes of the line of one of many models."""
    rounds, color = divmod(index, len(COLORS))
    return {"color": COLORS[color], "linestyle": cycle(DASHES, rounds)}


def shortened(text: str, max_characters: int) -> str:
    """Cuts a text that is too long in its middle: names often differ in their ends."""
    if len(text) <= max_characters:
        return text
    end = (max_characters - 1) // 2
    return f"{text[: max_characters - 1 - end]}…{text[len(text) - end :]}"


def set_names(axes: Axes, names: Sequence[str]) -> None:
    """Writes names below 0, 1, ..., slanted where they would touch."""
    is_long = max(map(len, names)) * len(names) > MAX_CHARACTERS
    slanted: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), names, **(slanted if is_long else {}))
    axes.set_xlim(-0.6, len(names) - 0.4)


def write_numbers_in_full(axes: Axes) -> None:
    """Writes 2.7412 on the y axis, also where all numbers are alike, and not 12 of 1e-4 + 2.74."""
    axes.ticklabel_format(axis="y", style="plain", useOffset=False)


def set_log_x(axes: Axes, low: float, high: float) -> None:
    """Makes the x axis logarithmic from `low` to `high`, which are above 0."""
    axes.set_xscale("log", nonpositive="clip")
    axes.set_xlim(low, high)
    number_log_axis(axes.xaxis, low, high)


def number_log_axis(axis: Axis, low: float, high: float) -> None:
    """Writes plain numbers where they have room on a logarithmic axis from `low` to `high`."""
    steps = (1.0,) if high > 100 * low else (1.0, 2.0, 5.0)
    axis.set_major_locator(MaxNLocator(5) if high < 5 * low else LogLocator(subs=steps))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")
