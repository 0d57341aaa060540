"""Figures: created for a page, given a legend, written to a file or as an element of HTML."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from wavenet_ae.plotting.style import DOTS_PER_INCH, FONT_SIZES, PAGE_STYLE
from wavenet_ae.storage import write_bytes

PAGE_INCHES = 5.2  # width of a plot in a page, which leaves its texts legible on a phone
LEGEND_CHARACTERS = 72  # that a line of a legend of this width has room for


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


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure in the format that the file's suffix names, whole or not at all.

    Returns:
        The path.

    Raises:
        NotWritten: If the file cannot be written.
    """
    content = io.BytesIO()
    with rc_context(FONT_SIZES):  # matplotlib makes some ticks only now
        figure.savefig(content, format=path.suffix.removeprefix("."))
    write_bytes(path, content.getvalue())
    return path


def svg_element(figure: Figure, name: str) -> str:
    """Renders a figure as an <svg> element.

    Texts stay texts, and the characters are the same for the same figure.

    Args:
        figure: The figure.
        name: A name that no other figure of the page has: it makes the element's identifiers
            differ from those of others.
    """
    file = io.StringIO()
    style = {**PAGE_STYLE, "svg.fonttype": "none", "svg.hashsalt": name}
    with rc_context(style), warnings.catch_warnings():
        # The browser's fonts, and not matplotlib's, render texts of other scripts.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
