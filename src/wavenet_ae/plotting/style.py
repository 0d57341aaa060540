"""Colors, dashes, markers, fonts and sizes that all plots share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import matplotlib

matplotlib.use("Agg")  # no display is needed, nor asked for
from matplotlib.figure import Figure

# Okabe and Ito's palette, which color-blind readers tell apart, without its yellow.
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
PAGE_INCHES = 5.2  # width of a plot in a page, which leaves its texts legible on a phone
LEGEND_CHARACTERS = 72  # that a line of a legend of this width has room for

Item = TypeVar("Item")


def cycle(items: Sequence[Item], index: int) -> Item:
    """Returns an item of a palette, which starts again where it ends."""
    return items[index % len(items)]


def line_style(index: int) -> dict[str, Any]:
    """Returns the color and the dashes of the line of one of many models."""
    rounds, color = divmod(index, len(COLORS))
    return {"color": COLORS[color], "linestyle": cycle(DASHES, rounds)}


def page_figure(height_inches: float) -> Figure:
    """Creates an empty figure for a page.

    Args:
        height_inches: Its height; its width is `PAGE_INCHES`.
    """
    size = (PAGE_INCHES, height_inches)
    return Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)


def add_legend(figure: Figure, handles: Sequence[Any]) -> None:
    """Adds a legend below all, in as many columns as have room."""
    widest = max(len(str(handle.get_label())) for handle in handles)
    num_columns = max(1, min(4, len(handles), LEGEND_CHARACTERS // (widest + 8)))
    figure.legend(handles=handles, loc="outside lower center", ncols=num_columns, handlelength=3)


def legend_inches(num_lines: int) -> float:
    """Returns the height of a legend of so many lines."""
    return 0.15 + 0.17 * num_lines


def shortened(text: str, max_characters: int) -> str:
    """Cuts a text that is too long in its middle: names often differ in their ends."""
    if len(text) <= max_characters:
        return text
    end = (max_characters - 1) // 2
    return f"{text[: max_characters - 1 - end]}…{text[len(text) - end :]}"
