"""Panels as plain data: which metrics of a run are plotted together, how, and with which words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.schema import binding_problems, require_none

READ_BY = {"shares": ("bars",), "color_label": ("heatmap",), "log": ("lines",)}


CODEBOOK = r"codebook_\d+"  # ends the name of a metric of one of several codebooks


@dataclass(frozen=True)
class Panel:
    """Plot of a dashboard.

    Attributes:
        name: Name in the configuration.
        section: Section of the dashboard.
        title: Title of the plot.
        keys: Metrics, and their words in the legend. A `*` in a key stands for any text, and a `*`
            in its words for the text that it matched. A key without one also stands for the same of
            each of several streams of codes, `KEY/STREAM`.
        kind: `lines` for scalars over optimizer steps, `bars` for the newest histogram, highest bar
            first, or `heatmap` for a histogram over optimizer steps.
        ylabel: Label of the y axis.
        xlabel: Label of the x axis.
        ymin: Lower limit of the y axis.
        ymax: Upper limit of the y axis.
        log: Whether the y axis is logarithmic.
        shares: Whether bars are counts, plotted in % of their sum and compared with uniform use.
        color_label: Meaning of the colors of a heatmap.
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
        """Returns the logged metrics that this panel shows, in its order, with their words.

        Args:
            logged: Names of metrics.
        """
        names = sorted(set(logged), key=_natural)
        found: dict[str, str] = {}
        for key, words in self.keys.items():
            for name in names:
                match = re.fullmatch(pattern(key), name)
                if match and name not in found:
                    stood_for = " ".join(match.groups()).strip("/").replace("_", " ")
                    found[name] = words.replace("*", stood_for) or name
                elif (stream := _stream(key, name)) and name not in found:
                    found[name] = f"{words}, {stream}"
        return found


def _stream(key: str, name: str) -> str:
    """Returns the stream of codes of which a metric is the one that a key names; "" for no such."""
    match = re.fullmatch(re.escape(key) + "/([^/]+)", name)
    return match[1] if match and not re.fullmatch(CODEBOOK, match[1]) else ""


def pattern(key: str) -> str:
    """Returns the regular expression of a key, in which `*` stands for any text."""
    return "(.*)".join(re.escape(part) for part in key.split("*"))


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns a sort key that puts layer_2 before layer_10."""
    return [(int(part or 0), text) for text, part in re.findall(r"(\D*)(\d*)", name)]


def bind_panels(node: Mapping[str, Any]) -> list[Panel]:
    """Builds panels from a mapping of names to `{section, title, ...}`.

    Raises:
        UserError: If there is any problem; the text lists all of them.
    """
    require_none(
        problem
        for name, each in node.items()
        for problem in _panel_problems(f"panels.{name}", each)
    )
    return [Panel(name=str(name), **each) for name, each in node.items() if each is not None]


def _panel_problems(where: str, node: Any) -> Iterator[str]:
    if node is None:  # `panels.perplexity=null` removes it
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
            yield f"{where}.{field} is read by kind={' and kind='.join(kinds)} only: remove it"
    lowest = node.get("ymin")
    if node.get("log") and isinstance(lowest, int | float) and lowest <= 0:
        yield f"{where}.ymin is {lowest}, but must be above 0 on a logarithmic axis"


def section_names(panels: Iterable[Panel]) -> list[str]:
    """Returns the names of sections, in the order of their first panels."""
    return list(dict.fromkeys(panel.section for panel in panels))


def in_sections(panels: Iterable[Panel], sections: Iterable[str]) -> list[Panel]:
    """Returns the panels of some sections, or all panels if no section is named.

    Raises:
        UserError: If there is no such section.
    """
    panels, wanted = list(panels), [each.lower() for each in sections]
    known = [section.lower() for section in section_names(panels)]
    for each in wanted:
        if each not in known:
            raise UserError(f"sections has {each!r}, which no panel is in.{nearest(each, known)}")
    return [panel for panel in panels if not wanted or panel.section.lower() in wanted]


def missing_keys(panels: Iterable[Panel], logged: set[str]) -> list[str]:
    """Returns the keys of panels that match nothing that runs have logged.

    Args:
        panels: The panels.
        logged: Names of scalars and histograms.
    """
    keys = dict.fromkeys(key for panel in panels for key in panel.keys)
    return [key for key in keys if not any(re.fullmatch(pattern(key), name) for name in logged)]
