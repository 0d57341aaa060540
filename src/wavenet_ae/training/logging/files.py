"""The files in which a run records itself: configuration, provenance, log, metrics, histograms."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.dashboards.history import metric_rows, parse_histogram
from wavenet_ae.errors import UserError, counted
from wavenet_ae.provenance import this_command
from wavenet_ae.reading import read_bytes
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import append_line, write_bytes, write_errors
from wavenet_ae.stored import require_no_way_out
from wavenet_ae.training.logging.base import Histogram, RunLogger

logger = logging.getLogger(__name__)

MOST_BINS = 4096


def write_run_files(run: RunFolder, config: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    """Writes the configuration of a new run, and the provenance of each start.

    Args:
        run: Where.
        config: The run's plain configuration.
        fingerprint: Fingerprint of the corpus.

    Returns:
        The provenance of this start: command, code, versions and the corpus.
    """
    if not run.config.is_file():
        write_bytes(run.config, yaml.safe_dump(dict(config), sort_keys=False).encode())
    provenance = {**this_command(), "corpus_fingerprint": fingerprint}
    append_line(run.provenance, json.dumps(provenance))
    return provenance


def is_first_process() -> bool:
    """Returns whether this is the first of the processes of a run."""
    return not getattr(rank_zero_only, "rank", 0)


def log_to(folder: str | None) -> None:
    """Logs to the console and, where there is a run folder, to its log file.

    Of several processes, the first alone logs; the others print their errors.

    Args:
        folder: The run's folder, which is made where there is none; None: the console alone.

    Raises:
        UserError: A link in the folder leads outside it, where the run would write.
    """
    console = ConsoleHandler()
    console.setFormatter(logging.Formatter("%(message)s"))
    handlers: list[logging.Handler] = [console]
    if not is_first_process():
        console.setLevel(logging.ERROR)
    elif folder is not None:
        run = RunFolder(folder)
        require_no_way_out(run.path)
        run.path.mkdir(parents=True, exist_ok=True)
        # File names may have bytes that are no text, and the locale may know ASCII alone.
        file = logging.FileHandler(run.log, encoding="utf-8", errors="backslashreplace")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(file)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(True)
    # Lightning hints at hardware and at its makers' products; its warnings and errors stay.
    for name in ("pytorch_lightning", "lightning_fabric", "hydra"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("pytorch_lightning.profilers").setLevel(logging.INFO)  # their tables


class ConsoleHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what `sys.stderr` is at the time: while a bar is shown, lines stand above it."""

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        """Does nothing: `logging` sets what `sys.stderr` is when the handler is made."""


class CSVLog(RunLogger):
    """A CSV file with one row for each logged step, which later metrics of that step join.

    A cell is empty where the step did not log the metric.  Lightning's own logger deletes the file
    of a run that is resumed; this one continues it.

    Args:
        path: The file.
        first_step: Where a resumed run continues: rows from this step on are dropped, since the
            run writes them again.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self.path = path
        self.columns: list[str] = ["step"]
        self.last: dict[str, Any] = {}
        self.last_offset = 0
        if path.is_file():
            self._drop_from(first_step)

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> CSVLog:
        return self

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any) -> None:
        """Does nothing: the run folder has the configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        values = {key: value for key, value in metrics.items() if key != "epoch"}
        new = [key for key in values if key not in self.columns]
        if new or not self.path.is_file():
            self.columns += sorted(new)
            self._rewrite(self._rows() if self.path.is_file() else [])
        joins = self.last.get("step") == step
        self.last = {**(self.last if joins else {"step": step}), **values}
        with write_errors(self.path), self.path.open("r+", newline="") as file:
            file.seek(self.last_offset if joins else 0, 0 if joins else io.SEEK_END)
            self.last_offset = file.tell()
            csv.DictWriter(file, self.columns).writerow(self.last)
            file.truncate()

    def log_before_saving(self, metrics: Mapping[str, float], step: int) -> None:
        self.log_metrics(dict(metrics), step)

    @rank_zero_only
    def _drop_from(self, first_step: int) -> None:
        self._rewrite([row for row in self._rows() if int(row["step"]) < first_step])

    def _rows(self) -> list[dict[str, str]]:
        """Rows of the file; damaged ones are dropped, and a last one that a crash has cut short."""
        columns, rows = metric_rows(self.path)
        self.columns += [name for name in columns if name not in self.columns]
        _warn_of_dropped(rows.count(None), self.path)
        return [row for row in rows if row is not None]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        writer.writeheader()
        writer.writerows(rows[:-1])
        self.last_offset = len(text.getvalue())
        writer.writerows(rows[-1:])
        write_bytes(self.path, text.getvalue().encode())


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
        lines = read_bytes(self.path).split(b"\n")[:-1]  # a crash may have cut the last one short
        steps = [_steps_of(line) for line in lines]
        _warn_of_dropped(steps.count(None), self.path)
        kept = [
            line + b"\n"
            for line, step in zip(lines, steps, strict=True)
            if step is not None and step <= first_step
        ]
        write_bytes(self.path, b"".join(kept))


def _steps_of(line: bytes) -> int | None:
    """Returns the optimizer steps before the histogram of a line; None if the line is damaged."""
    try:
        return parse_histogram(line.decode(errors="replace"), "")[1].step
    except UserError:
        return None


def _warn_of_dropped(damaged: int, path: Path) -> None:
    if damaged:
        logger.warning("%s: dropped %s", path, counted(damaged, "damaged line"))
