"""Plots as files, and as elements of an HTML page."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from wavenet_ae.plotting.style import FONT_SIZES, PAGE_STYLE
from wavenet_ae.storage import write_bytes


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
