"""Panels as plain data: which metrics of a run are plotted together, how, and under what words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.schema import binding_problems, require_none

READ_BY = {"shares": ("bars",), "color_label": ("heatmap",), "log": ("lines",)}


@dataclass(frozen=True)
class Panel:
    """One plot of a dashboard.

    Attributes:
        keys: Metrics, each with its words in the legend; a `*` in a key stands for any text, and a
            `*` in its words for what it stood for.
        kind: "lines": scalars over optimizer steps; "bars": the newest histogram, highest bar
            first; "heatmap": a histogram over optimizer steps.
        shares: Whether bars are counts, plotted in % of their sum beside a uniform use.
        color_label: What the colors of a heatmap mean.
    """

    name: str
    section: str
    title: str
    keys: Mapping[str, str]
    kind: Literal["lines", "bars", "heatmap"]
    ylabel: str
    xlabel: str = "optimizer step"
    ymin: float | None = None
    ymax: float | None = None
    log: bool = False
    shares: bool = False
    color_label: str = "density"

    def matches(self, logged: Iterable[str]) -> dict[str, str]:
        """Returns the names in `logged` that this panel plots, in its order, with their words."""
        names = sorted(set(logged), key=_natural)
        found: dict[str, str] = {}
        for key, words in self.keys.items():
            for name in names:
                match = re.fullmatch(pattern(key), name)
                if match and name not in found:
                    stood_for = " ".join(match.groups()).strip("/").replace("_", " ")
                    found[name] = words.replace("*", stood_for) or name
        return found


def pattern(key: str) -> str:
    """The regular expression of a key, in which `*` stands for any text."""
    return "(.*)".join(re.escape(part) for part in key.split("*"))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts layer_2 before layer_10."""
    return [(int(part or 0), text) for text, part in re.findall(r"(\D*)(\d*)", name)]


def bind_panels(node: Mapping[str, Any]) -> list[Panel]:
    """Panels from `name -> {section, title, ...}`.  Raises UserError that lists all problems."""
    require_none(
        problem
        for name, each in node.items()
        for problem in _panel_problems(f"panels.{name}", each)
    )
    return [Panel(name=str(name), **each) for name, each in node.items() if each is not None]


def _panel_problems(where: str, node: Any) -> Iterator[str]:
    if node is None:  # `panels.perplexity=null` leaves it out
        return
    if not isinstance(node, Mapping):
        yield f"{where} is {node!r}, but must be a panel: {{section: ..., title: ..., keys: ...}}"
        return
    keys = node.get("keys")
    is_named = isinstance(keys, Mapping) and all(isinstance(each, str) for each in keys.values())
    if not keys or not is_named:
        yield f"{where}.keys is {keys!r}, but must be {{key: words of the legend, ...}}"
    yield from binding_problems(Panel, {**node, "keys": {}}, f"{where}.", derived=("name",))
    for field, kinds in READ_BY.items():
        if node.get(field) and node.get("kind") not in kinds:
            yield f"{where}.{field} is read by kind={' and kind='.join(kinds)} only: leave it out"
    lowest = node.get("ymin")
    if node.get("log") and isinstance(lowest, int | float) and lowest <= 0:
        yield f"{where}.ymin is {lowest}, but must be above 0 on a logarithmic axis"


def section_names(panels: Iterable[Panel]) -> list[str]:
    """Sections in the order of their first panels."""
    return list(dict.fromkeys(panel.section for panel in panels))


def in_sections(panels: Iterable[Panel], sections: Iterable[str]) -> list[Panel]:
    """The panels of some sections; of all, where none is named.  Raises UserError for others."""
    panels, wanted = list(panels), [each.lower() for each in sections]
    known = [section.lower() for section in section_names(panels)]
    for each in wanted:
        if each not in known:
            raise UserError(f"sections has {each!r}, which no panel is in.{nearest(each, known)}")
    return [panel for panel in panels if not wanted or panel.section.lower() in wanted]


def missing_keys(panels: Iterable[Panel], logged: set[str]) -> list[str]:
    """Keys of panels that name nothing in `logged`: scalars and histograms that runs have."""
    keys = dict.fromkeys(key for panel in panels for key in panel.keys)
    return [key for key in keys if not any(re.fullmatch(pattern(key), name) for name in logged)]
