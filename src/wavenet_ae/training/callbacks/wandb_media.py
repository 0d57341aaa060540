"""What loggers get at the end of a validation: a table of its metrics, and checkpoints."""

from __future__ import annotations

import re
from typing import Any

import pytorch_lightning as pl

from wavenet_ae.checkpoint import read_checkpoint
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.objectives import Criterion
from wavenet_ae.runs import RunFolder, step_of
from wavenet_ae.training.logging import RunLogger, run_loggers
from wavenet_ae.training.logging.base import current_step
from wavenet_ae.training.module import WaveformTraining

COLUMNS = ("metric", "value", "unit")
UNITS = {  # of a metric's name, the first that fits
    r"bitrate/.*|.*_bits_per_second(/.*)?": "bits/s",
    r".*bits_per_sample": "bits/sample",
    r".*/nll.*": "nats/sample",
    r".*perplexity(/.*)?": "codes",
    r".*codes_used(/.*)?": "of the codes",
}


class WandbMedia(pl.Callback):
    """Logs a table of the metrics of each validation, and checkpoints as `checkpoints` of the
    logger says.

    It comes after the callbacks that log at a validation, since it ends the logger's row, so that a
    kill loses none of it.  A checkpoint that is removed before the next validation is not logged.

    Args:
        run_folder: The run's folder.
    """

    reads_monitors = True

    def __init__(self, run_folder: str) -> None:
        self.run = RunFolder(run_folder)
        self.logged: set[str] = set()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for each in run_loggers(trainer):
            step, rows = current_step(trainer), table_rows(trainer.callback_metrics)
            each.add_table("validation/metrics", COLUMNS, rows, step)
            each.end_row(step)
            if each.checkpoints == "all":
                self._log_steps(each, criterion_in(pl_module))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._log_last(trainer, pl_module)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._log_last(trainer, pl_module)

    def _log_last(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        best = self.run.best_checkpoint
        for each in run_loggers(trainer):
            if each.checkpoints == "all":
                self._log_steps(each, criterion_in(module))
            if each.checkpoints != "none" and best.is_file():
                step = read_checkpoint(best)["global_step"]
                each.add_checkpoint(best, "best", self._metadata(step, criterion_in(module)))

    def _log_steps(self, logger: RunLogger, criterion: Criterion) -> None:
        for path in self.run.step_checkpoints():
            if path.name not in self.logged:
                self.logged.add(path.name)
                logger.add_checkpoint(path, path.stem, self._metadata(step_of(path), criterion))

    def _metadata(self, step: int, criterion: Criterion) -> dict[str, Any]:
        """Returns the step of a checkpoint and the value of the criterion there, if any."""
        steps, values = read_metrics(self.run.metrics).get(criterion.metric, ([], []))
        found = {int(each): float(value) for each, value in zip(steps, values, strict=True)}
        return {"step": step, criterion.metric: found.get(step)}


def criterion_in(module: pl.LightningModule) -> Criterion:
    """Returns the criterion of the run that a module trains."""
    assert isinstance(module, WaveformTraining)
    return module.objective.criterion


def table_rows(metrics: dict[str, Any]) -> list[tuple[str, float, str]]:
    """Returns name, value and unit of each metric of a validation."""
    return [
        (name, float(value), _unit(name))
        for name, value in sorted(metrics.items())
        if name.startswith(("validation/", "bitrate/"))
    ]


def _unit(name: str) -> str:
    return next((unit for pattern, unit in UNITS.items() if re.fullmatch(pattern, name)), "")
