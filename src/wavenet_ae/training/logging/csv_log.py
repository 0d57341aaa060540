"""The CSV file of a run's scalars, continued by a resume."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.storage import write_bytes, write_errors
from wavenet_ae.training.logging.base import RunLogger


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
        with self.path.open(newline="") as file:
            reader = csv.DictReader(file)
            known = set(self.columns)
            self.columns += [name for name in reader.fieldnames or [] if name not in known]
            # A row cut short by a crash has no last column.
            return [row for row in reader if row.get("step") and None not in row.values()]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        writer.writeheader()
        writer.writerows(rows[:-1])
        self.last_offset = len(text.getvalue())
        writer.writerows(rows[-1:])
        write_bytes(self.path, text.getvalue().encode())
