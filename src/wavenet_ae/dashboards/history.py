"""History of a run, read from its folder, also while the run continues."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from wavenet_ae.errors import UserError
from wavenet_ae.reading import fields_of, parse_json, read_bytes, read_text, shown
from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import AtLeast, AtMost, StepCount, accepts

Scalars = dict[str, tuple[np.ndarray, np.ndarray]]  # name -> steps, values
LoggedStep = Annotated[int, AtLeast(-1), AtMost(2**53)]  # the steps before it, less one
HISTOGRAM = {"step": LoggedStep, "name": str, "low": float, "high": float, "counts": list}


@dataclass(frozen=True)
class Histogram:
    """Histogram of a run after some optimizer steps.

    Attributes:
        step: Optimizer steps.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.
        counts: `(K,)` counts of bins of equal width.
    """

    step: int
    low: float
    high: float
    counts: np.ndarray

    @property
    def edges(self) -> np.ndarray:
        """Edges of the bins, `(K + 1,)`."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)


@dataclass(frozen=True)
class RunHistory:
    """Metrics that a run has logged.

    Attributes:
        label: Name of the run in plots.
        scalars: Optimizer steps and values by name.
        histograms: Histograms by name, oldest first.
    """

    label: str
    scalars: Scalars
    histograms: dict[str, list[Histogram]]


def read_run(folder: Path, label: str) -> RunHistory:
    """Reads the history of a run; that of a recipe is the last stage's.

    Args:
        folder: Run folder.
        label: Name of the run in plots.

    Raises:
        UserError: If nothing has been logged yet, or a file is invalid.
    """
    run = RunFolder(folder).meant
    scalars = read_metrics(run.metrics)
    if not scalars:
        raise UserError(f"{run.metrics} holds no metrics yet: wait for the run's first ones")
    return RunHistory(label, scalars, read_histograms(run.histograms))


def read_metrics(path: Path) -> Scalars:
    """Reads the columns of a CSV file of metrics that have values.

    Returns:
        By name, the optimizer steps at which it was logged, and its values.

    Raises:
        UserError: If the file is not such a file.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for number, row in enumerate(metric_rows(path)[1], start=2):
        if row is None:
            raise UserError(f"{path}, line {number}, is not a row of metrics: remove the line")
        step = int(row.pop("step")) + 1
        for name in (name for name, value in row.items() if value):
            found.setdefault(name, []).append((step, float(row[name])))
    return {
        name: (np.array([step for step, _ in logged]), np.array([value for _, value in logged]))
        for name, logged in sorted(found.items())
    }


def metric_rows(path: Path) -> tuple[list[str], list[dict[str, str] | None]]:
    """Reads a CSV file of metrics, without a last line that is still being written.

    Returns:
        The columns, and for each line below them its cells by column, a step and a number or
            nothing in all others; None where the line is damaged.

    Raises:
        UserError: If the file cannot be read, or its first line does not name such columns.
    """
    # Bytes that are no text damage their own line alone.
    lines = read_bytes(path).decode("utf-8", "replace").split("\n")[:-1]
    columns = _cells(lines[0]) if lines else ["step"]
    if "step" not in columns or len(set(columns)) < len(columns):
        raise UserError(
            f"{path}, line 1: {shown(lines[0])} does not name the columns of a file of metrics, "
            "such as step,training/nll: move the file away"
        )
    return columns, [_row(columns, _cells(line)) for line in lines[1:]]


def _row(columns: list[str], cells: list[str]) -> dict[str, str] | None:
    if len(cells) != len(columns):
        return None
    row = dict(zip(columns, cells, strict=True))
    return row if _are_numbers(row) else None


def _cells(line: str) -> list[str]:
    """Cells of a line of CSV; none where it is damaged."""
    try:
        return next(csv.reader([line.removesuffix("\r")], strict=True), [])
    except csv.Error:
        return []


def _are_numbers(row: Mapping[str, str]) -> bool:
    try:
        for cell in filter(None, row.values()):
            float(cell)
        return accepts(int(row["step"]), StepCount)
    except ValueError:
        return False


def read_histograms(path: Path) -> dict[str, list[Histogram]]:
    """Reads histograms by name; if a resumed run has repeated a step, its last histogram counts.

    Raises:
        UserError: If a line is not a histogram.
    """
    found: dict[str, dict[int, Histogram]] = {}
    lines = read_text(path).split("\n")[:-1] if path.is_file() else []  # the last is being written
    for number, line in enumerate(lines, start=1):
        name, each = parse_histogram(line, f"{path}, line {number}")
        found.setdefault(name, {})[each.step] = each
    return {
        name: [each for _, each in sorted(steps.items())] for name, steps in sorted(found.items())
    }


def parse_histogram(line: str, where: str) -> tuple[str, Histogram]:
    """Returns the name and the histogram of a line of JSON.

    Args:
        line: The line.
        where: File and line, for error messages.

    Raises:
        UserError: If it is not a histogram.
    """
    row = fields_of(parse_json(line, where), HISTOGRAM, where)
    low, high = float(row["low"]), float(row["high"])
    try:
        counts = np.array(row["counts"], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        counts = np.empty(0)
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(high - low) and np.isfinite(counts.sum())
    if counts.ndim != 1 or not len(counts) or not is_finite:
        raise UserError(
            f"{where}: {shown(row)} is not a histogram: it must have finite edges, and a count "
            "for each bin"
        )
    return row["name"], Histogram(row["step"] + 1, low, high, counts)
