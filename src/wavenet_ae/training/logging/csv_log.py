"""metrics.csv: every logged figure of a run, continued by a resume."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.checkpoint import write_whole


class CSVLog(Logger):
    """One row per logged step, which later figures of that step join; what a step did not log is
    left empty.

    Lightning's own logger deletes the file of a run that is resumed.  This one goes on, without
    the rows from `first_step` on, which the resumed run writes again.
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
        """The run's configuration lies in its config.yaml already."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        figures = {key: value for key, value in metrics.items() if key != "epoch"}
        new = [key for key in figures if key not in self.columns]
        if new or not self.path.is_file():
            self.columns += sorted(new)
            self._rewrite(self._rows() if self.path.is_file() else [])
        joins = self.last.get("step") == step
        self.last = {**(self.last if joins else {"step": step}), **figures}
        with self.path.open("r+", newline="") as file:
            file.seek(self.last_offset if joins else 0, 0 if joins else io.SEEK_END)
            self.last_offset = file.tell()
            csv.DictWriter(file, self.columns).writerow(self.last)
            file.truncate()

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
        write_whole(self.path, text.getvalue().encode())
