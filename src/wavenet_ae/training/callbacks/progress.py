"""A progress bar that says what a run is for: nats per sample, and how fast."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from wavenet_ae.schema import Positive

logger = logging.getLogger(__name__)

SHOWN = {
    "train/nll": "{:.3f} nats/sample",
    "validation/nll": "validation {:.3f}",
    "validation/nll_increase_shuffled_codes": "codes gain {:.3f}",
    "validation/perplexity": "perplexity {:.0f}",
    "speed/times_real_time": "{:.1f}x real time",
}


class Progress(pl.callbacks.ProgressBar):
    """A bar on a terminal; elsewhere, a line in the log every `every_n_steps` steps."""

    def __init__(self, every_n_steps: Positive = 200) -> None:
        super().__init__()
        self.every_n_steps = every_n_steps
        self.bar: Bar | None = None
        self.last_step = 0
        self.is_enabled = True

    def enable(self) -> None:
        self.is_enabled = True

    def disable(self) -> None:
        """Lightning disables the progress of all processes but the first."""
        self.is_enabled = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        console = Console(stderr=True)
        if not (console.is_terminal and self.is_enabled):
            return
        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(None), TimeElapsedColumn())
        figures = TextColumn("{task.description}")
        self.bar = Bar(*columns, TimeRemainingColumn(), figures, console=console)
        total = trainer.max_steps if trainer.max_steps > 0 else None
        self.bar.start()
        self.task = self.bar.add_task("", total=total, completed=trainer.global_step)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        if self.bar is not None:
            described = self._describe(trainer)
            self.bar.update(self.task, completed=trainer.global_step, description=described)
        elif self.is_enabled and self._is_due(trainer):
            self.last_step = trainer.global_step
            total = f"/{trainer.max_steps}" if trainer.max_steps > 0 else ""
            logger.info("step %d%s  %s", trainer.global_step, total, self._describe(trainer))

    def _is_due(self, trainer: pl.Trainer) -> bool:
        step = trainer.global_step
        return step != self.last_step and step % self.every_n_steps == 0

    def on_train_end(self, *args: Any) -> None:
        self._stop()

    def on_exception(self, *args: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    @staticmethod
    def _describe(trainer: pl.Trainer) -> str:
        figures = trainer.callback_metrics
        return "  ".join(
            text.format(float(figures[key])) for key, text in SHOWN.items() if key in figures
        )
