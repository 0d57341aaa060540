"""A figure as a page embeds it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Figure:
    """title  for people;  `about`: what it shows, in a sentence or two
    svg    an <svg> element, whose identifiers no other figure of a page has
    """

    title: str
    about: str
    svg: str


def as_figure(drawing: Drawing, name: str, title: str, about: str) -> Figure:
    """`name` is like no other figure's on the page.  Texts stay texts, and the bytes are the same
    for the same drawing."""
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        drawing.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return Figure(title, about, svg)
