"""Evaluations as a page has them: read from their files, and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.requests import told_apart
from wavenet_ae.evaluation.results import FORMAT, ResultTable
from wavenet_ae.runs import RunFolder


@dataclass(frozen=True)
class Judged:
    """An evaluation.json.

    name      of the model, like no other's on the page
    folder    that holds the file: what findings name as `file` lies in it
    model, corpus, command  plain values
    findings  in their order
    """

    name: str
    folder: Path
    model: Mapping[str, Any]
    corpus: Mapping[str, Any]
    command: Mapping[str, Any]
    findings: Sequence[ResultTable]

    def part(self, name: str) -> ResultTable | None:
        return next((each for each in self.findings if each.part == name), None)

    @property
    def run_folder(self) -> Path | None:
        """Of the training, where it still lies where it was."""
        run = RunFolder.containing(Path(self.model["checkpoint"]))
        return run.path if run and run.metrics.is_file() else None


def read_evaluations(files: Sequence[Path]) -> list[Judged]:
    """Raises UserError where a file is not an evaluation's."""
    contents = [_content(file) for file in files]
    names = told_apart([each["model"]["name"] for each in contents])
    return [
        Judged(
            name=name,
            folder=file.parent,
            model=content["model"],
            corpus=content["corpus"],
            command=content["command"],
            findings=[ResultTable(**each) for each in content["findings"]],
        )
        for name, file, content in zip(names, files, contents, strict=True)
    ]


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
        if content["format"] == FORMAT and {"model", "corpus", "command", "findings"} <= set(
            content
        ):
            return dict(content)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error})") from None
    except (ValueError, KeyError, TypeError):
        pass
    raise UserError(f"{file} is not what evaluate.py writes: run evaluate.py with another out=")
