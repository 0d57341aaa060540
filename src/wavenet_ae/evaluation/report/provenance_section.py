"""How an evaluation was made, as names and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wavenet_ae.evaluation.results import FILE, EvaluationResult

SUMMARY = "summary"


@dataclass(frozen=True)
class Provenance:
    """How one model was evaluated.

    Attributes:
        name: The model's.
        values: Values by name, in groups.
        summary: Summary of the model, in characters of one width.
    """

    name: str
    values: Sequence[tuple[str, str]]
    summary: str


def provenance(result: EvaluationResult) -> Provenance:
    """The command, the model and the data of a result."""
    model = {name: value for name, value in result.model.items() if name != SUMMARY}
    groups = {"": result.command, "model": model, "data": result.corpus}
    values = [("all numbers", str((result.folder or Path()) / FILE))]
    values += [line for name, group in groups.items() for line in _flat(group, name)]
    return Provenance(result.name, values, str(result.model.get(SUMMARY, "")))


def _flat(group: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    """Values of nested groups under their whole names; what is not set is left out."""
    for key, value in group.items():
        name = f"{above} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        elif isinstance(value, list):
            yield name, ", ".join(map(str, value))
        elif value is not None:
            yield name, str(value)
