"""What a part is asked to do, how long it may take, and where its results go."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = "results.jsonl"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Task:
    """A part's arguments.

    Attributes:
        part: Name of the part, a module of this package.
        out: Folder of the results.
        data: Folder of recordings, a folder per corpus with a folder per reader in each.
        work: Folder for whatever is not a result; it is removed at the end.
        device: "cpu" or "cuda".
        seconds: After so many the part is to be done; a little later it is killed.
        tiny: Whether sizes are those of a rehearsal on a CPU.
    """

    part: str
    out: Path
    data: Path
    work: Path
    device: str
    seconds: float
    tiny: bool = False
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float:
        return self.seconds - (time.monotonic() - self.started)

    def record(self, what: str, **values: Any) -> None:
        """Append a result to the file of results, safely on disk when this returns."""
        append(self.out, {"part": self.part, "what": what, **values})
        print(f"{self.part}: {what}  {shown(values)}", flush=True)


def append(folder: Path, row: dict[str, Any]) -> None:
    """Append a row to the results in `folder`."""
    with (folder / RESULTS).open("a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def results(folder: Path, part: str | None = None) -> Iterator[dict[str, Any]]:
    """Rows recorded so far, of one part or of all; a line cut short by a kill is left out."""
    file = folder / RESULTS
    for line in file.read_text().splitlines() if file.is_file() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if part in (None, row["part"]):
            yield row


def shown(values: dict[str, Any]) -> str:
    return "  ".join(f"{name} {shortly(value)}" for name, value in values.items())


def shortly(value: Any) -> str:
    """A value for a table: numbers with three digits."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}" if value >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
