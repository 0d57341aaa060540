"""The file of a run's histograms, continued by a resume."""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.errors import counted
from wavenet_ae.storage import append_line, write_bytes
from wavenet_ae.training.logging.base import RunLogger
from wavenet_ae.training.logging.histogram import Histogram

logger = logging.getLogger(__name__)

MOST_BINS = 4096


class HistogramLog(RunLogger):
    """A JSON file with a line for each histogram.

    Each line is {"step": 399, "name": ..., "low": ..., "high": ..., "counts": [...]}, with the step
    that the CSV file of metrics has.  More than 4096 bins are merged.

    Args:
        path: The file.
        first_step: Where a resumed run continues: lines from this step on are dropped.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self.path = path
        if path.is_file():
            self._drop_from(first_step)

    @property
    def name(self) -> str:
        return "histograms"

    @property
    def version(self) -> str:
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> HistogramLog:
        return self

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any) -> None:
        """Does nothing: the run folder has the configuration."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Does nothing: the CSV file has the scalars."""

    @rank_zero_only
    def add_histogram(self, name: str, histogram: Histogram, step: int) -> None:
        kept = histogram.at_most(MOST_BINS)
        line = {"step": step, "name": name, "low": kept.low, "high": kept.high}
        append_line(self.path, json.dumps({**line, "counts": kept.counts}))

    @rank_zero_only
    def _drop_from(self, first_step: int) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        steps = [_step_of(line) for line in lines]
        damaged = steps[:-1].count(None)  # the last one may have been cut short by a crash
        if damaged:
            logger.warning("%s: dropped %s", self.path, counted(damaged, "damaged line"))
        kept = [
            line
            for line, step in zip(lines, steps, strict=True)
            if step is not None and step < first_step
        ]
        write_bytes(self.path, b"".join(kept))


def _step_of(line: bytes) -> int | None:
    """Returns the step of a line of the file; None where the line is damaged."""
    try:
        return int(json.loads(line)["step"]) if line.endswith(b"\n") else None
    except (KeyError, TypeError, ValueError):
        return None
