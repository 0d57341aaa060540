"""How an evaluation was made, as names and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wavenet_ae.evaluation.config import FILE
from wavenet_ae.evaluation.report.reading import Judged

CARD = "card"


@dataclass(frozen=True)
class Making:
    """card  of the model, in characters of one width;  values  by name, in groups"""

    name: str
    values: Sequence[tuple[str, str]]
    card: str


def making(judged: Judged) -> Making:
    model = {name: value for name, value in judged.model.items() if name != CARD}
    groups = {"": judged.command, "model": model, "speech": judged.corpus}
    values = [("figures in full", str(judged.folder / FILE))]
    values += [line for name, group in groups.items() for line in _flat(group, name)]
    return Making(judged.name, values, str(judged.model.get(CARD, "")))


def _flat(group: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    """What is in groups of groups, each under its whole name; what is not set is left out."""
    for key, value in group.items():
        name = f"{above} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        elif isinstance(value, list):
            yield name, ", ".join(map(str, value))
        elif value is not None:
            yield name, str(value)
