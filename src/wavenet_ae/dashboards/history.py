"""History of a run, read from its folder, also while the run continues."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder

Scalars = dict[str, tuple[np.ndarray, np.ndarray]]  # name -> steps, values


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
    try:
        for row in csv.DictReader(_whole_lines(path)):
            step = int(row.pop("step")) + 1
            for name in (name for name, value in row.items() if value):
                found.setdefault(name, []).append((step, float(row[name])))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a CSV file of metrics: {error!r}") from None
    return {
        name: (np.array([step for step, _ in logged]), np.array([value for _, value in logged]))
        for name, logged in sorted(found.items())
    }


def read_histograms(path: Path) -> dict[str, list[Histogram]]:
    """Reads histograms by name; if a resumed run has repeated a step, its last histogram counts.

    Raises:
        UserError: If a line is not a histogram.
    """
    found: dict[str, dict[int, Histogram]] = {}
    for number, line in enumerate(_whole_lines(path) if path.is_file() else [], 1):
        try:
            row = json.loads(line)
            counts = np.array(row["counts"], dtype=float)
            if counts.ndim != 1 or not len(counts):
                raise ValueError("counts must list a number for each bin")
            each = Histogram(row["step"] + 1, float(row["low"]), float(row["high"]), counts)
            found.setdefault(row["name"], {})[each.step] = each
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}, line {number}, is not a histogram: {error!r}") from None
    return {
        name: [each for _, each in sorted(steps.items())] for name, steps in sorted(found.items())
    }


def _whole_lines(path: Path) -> list[str]:
    """Lines of a file, without a last line that is still being written."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [line for line in file if line.endswith("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
