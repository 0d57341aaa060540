"""What an evaluation finds: tables of plain values, for a JSON, a console and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.storage import atomic_write

Value = str | float | int | bool | None
FORMAT = 1


@dataclass(frozen=True)
class ResultTable:
    """One part of an evaluation.

    part     its name in the settings
    title    for people;  `about`: how it was measured, in a sentence or two
    rows     cells by column, which are the same in each row; a column `x_error` holds the standard
             error of column `x`
    is_detail  too long for a console
    """

    part: str
    title: str
    about: str
    rows: Sequence[Mapping[str, Value]]
    settings: Mapping[str, Value] = field(default_factory=dict)
    is_detail: bool = False

    @property
    def columns(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []


@dataclass(frozen=True)
class Evaluation:
    """All that was found of one model.

    model, corpus, command  what was evaluated, on what, by what: plain values
    """

    model: Mapping[str, Any]
    corpus: Mapping[str, Any]
    command: Mapping[str, Any]
    findings: list[ResultTable]

    def write(self, path: Path, kept: Sequence[Mapping[str, Any]] = ()) -> None:
        """As JSON, whole or not at all; what is not a number is null.  `kept` are findings of an
        earlier evaluation, of which this one's take the place."""
        new = {each.part for each in self.findings}
        content = _plain({"format": FORMAT, **asdict(self)})
        content["findings"] = [
            *(each for each in kept if each["part"] not in new),
            *content["findings"],
        ]
        with atomic_write(path) as file:
            file.write(json.dumps(content, indent=1, allow_nan=False).encode())


def earlier_findings(
    path: Path, model: Mapping[str, Any], corpus: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Of the file of an earlier evaluation, where there is one.  UserError where it is of another
    model, or of other speech."""
    if not path.is_file():
        return []
    try:
        content = json.loads(path.read_bytes())
        then = {"model": content["model"]["fingerprint"], "speech": content["corpus"]}
        found = list(content["findings"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not what this program writes: give another out=") from None
    for what, now in {"model": model["fingerprint"], "speech": _plain(corpus)}.items():
        if then[what] != now:
            raise UserError(f"{path} is of another {what}: give another out=, or remove it")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
