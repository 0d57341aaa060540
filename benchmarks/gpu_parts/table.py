"""The table at the end: all results, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from gpu_parts.task import results, shortly

WIDTH = 150
HIDDEN = {"part"}
CONDUCTOR = "run"  # the part whose rows say how the parts went
TESTS = "gpu_tests"


def as_text(folder: Path) -> str:
    """All results in `folder` as plain text: a table a part and, first, how the parts went."""
    rows = list(results(folder))
    console = Console(file=StringIO(), width=WIDTH)
    for part in sorted({row["part"]: None for row in rows}, key=lambda each: each != CONDUCTOR):
        own = [row for row in rows if row["part"] == part]
        own = list(tests_by_file(own)) if part == TESTS else own
        for group in alike(own):
            console.print(table(part, group))
    return console.file.getvalue()  # type: ignore[attr-defined]


def alike(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Neighbors with the same columns, which share a table."""
    group: list[dict[str, Any]] = []
    for row in rows:
        if group and row.keys() != group[-1].keys():
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def table(part: str, rows: Sequence[dict[str, Any]]) -> Table:
    """Rows with the same columns."""
    found = Table(title=part, box=SIMPLE, padding=(0, 1), title_justify="left")
    columns = [name for name in rows[0] if name not in HIDDEN]
    for name in columns:
        is_number = isinstance(rows[0][name], int | float)
        found.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        found.add_row(*(shortly(row[name]) for name in columns))
    return found


def tests_by_file(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row a file of tests; then one for each that failed, with the end of what it said."""
    rows = list(rows)
    for file in sorted({row["what"].partition("::")[0] for row in rows}):
        own = [row for row in rows if row["what"].partition("::")[0] == file]
        counts = Counter(row["outcome"] for row in own)
        seconds = sum(row["seconds"] for row in own)
        names = ("passed", "failed", "skipped")
        yield {"what": file, **{each: counts[each] for each in names}, "seconds": seconds}
    for row in rows:
        if row["outcome"] == "failed":
            yield {"what": row["what"], "why": row["why"]}
