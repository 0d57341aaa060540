"""How far a run is and how fast: a progress bar, and the speed of training."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl

from wavenet_ae.progress import Bar
from wavenet_ae.schema import Positive
from wavenet_ae.training.module import WaveformTraining

logger = logging.getLogger(__name__)

LOSSES = {
    "train/nll": "{:.3f} nats/{unit}",
    "train/contrastive": "contrastive {:.3f} nats",
    "train/masked_prediction": "masked prediction {:.3f} nats",
}
SHOWN = {
    "validation/nll_increase_shuffled_codes": "shuffled codes {:+.3f}",
    "validation/perplexity": "perplexity {:.0f}",
    "speed/times_real_time": "{:.1f}x real time",
}


class Throughput(pl.Callback):
    """Logs `speed/times_real_time`: seconds of predicted audio per second of training.

    Measured over the batches since the last logged step, validations and checkpoints left out.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.batches = 0
        self.started = 0.0
        self.last_step = 0

    def on_train_batch_start(self, *args: Any) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        self.seconds += time.perf_counter() - self.started
        self.batches += 1
        is_logged = trainer.global_step % trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        if trainer.global_step == self.last_step or not is_logged:
            return
        self.last_step = trainer.global_step
        samples = self.batches * pl_module.data.batch_size * pl_module.plan.num_samples
        audio_seconds = samples / pl_module.model.sample_rate
        pl_module.log("speed/times_real_time", audio_seconds / self.seconds)
        self.seconds, self.batches = 0.0, 0


class Pace:
    """Optimizer steps a second, validations and all else included, and the time that is left.

    Args:
        step: Optimizer step at which it begins.
        last: Step at which the run ends; -1 where that is not known.
    """

    def __init__(self, step: int, last: int) -> None:
        self.first, self.last, self.began = step, last, time.monotonic()

    def describe(self, step: int) -> str:
        """Returns `12.3 steps/s, 0:02:13 left`; an empty text before the first step."""
        seconds = time.monotonic() - self.began
        if step == self.first or seconds <= 0:
            return ""
        rate = (step - self.first) / seconds
        text = f"{rate:.3g} steps/s"
        if self.last > step:
            text += f", {timedelta(seconds=round((self.last - step) / rate))} left"
        return text


class Progress(pl.callbacks.ProgressBar):
    """A bar on a terminal; elsewhere, a line in the log at intervals and after each validation.

    Args:
        every_n_steps: Optimizer steps between two lines in the log.
    """

    def __init__(self, every_n_steps: Positive = 200) -> None:
        super().__init__()
        self.every_n_steps = every_n_steps
        self.bar: Bar | None = None
        self.last_step = 0
        self.is_enabled = True

    def enable(self) -> None:
        """Shows progress."""
        self.is_enabled = True

    def disable(self) -> None:
        """Shows none; Lightning disables the progress of all processes but the first."""
        self.is_enabled = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.is_enabled:
            total = trainer.max_steps if trainer.max_steps > 0 else None
            self.pace = Pace(trainer.global_step, trainer.max_steps)
            self.bar = Bar(total, counts_steps=True, is_transient=False)
            self.bar.at(trainer.global_step, "")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        step = trainer.global_step
        if self.bar is None or step == self.last_step:
            return
        is_line_due = step % self.every_n_steps == 0 and not validates_now(trainer, args[-1])
        if self.bar.is_shown or is_line_due:
            self._show(trainer)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        if self.bar is not None:
            done, total = args[2] + 1, trainer.num_val_batches[0]
            self.bar.at(trainer.global_step, f"validating: {done}/{total} batches")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.bar is not None and not trainer.sanity_checking:
            self._show(trainer)

    def on_train_end(self, *args: Any) -> None:
        self._stop()

    def on_exception(self, *args: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _show(self, trainer: pl.Trainer) -> None:
        assert self.bar is not None
        self.last_step = step = trainer.global_step
        pace, metrics = self.pace.describe(step), self._describe(trainer)
        if self.bar.is_shown:
            # The bar has the time that is left; what comes last has no room on a narrow terminal.
            self.bar.at(step, f"{pace.partition(',')[0]}  {metrics}".strip())
        else:
            total = f"/{trainer.max_steps}" if trainer.max_steps > 0 else ""
            logger.info("step %d%s  %s", step, total, f"{metrics}  {pace}".strip())

    @staticmethod
    def _describe(trainer: pl.Trainer) -> str:
        module, metrics = trainer.lightning_module, trainer.callback_metrics
        assert isinstance(module, WaveformTraining)
        first = {**LOSSES, module.objective.criterion.metric: "validation {:.3f}"}
        return "  ".join(
            text.format(float(metrics[key]), unit=module.plan.target_unit)
            for key, text in {**first, **SHOWN}.items()
            if key in metrics
        )


def validates_now(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Returns whether a validation follows the training batch of this index."""
    interval = int(trainer.val_check_batch or 0)
    return trainer.enable_validation and interval > 0 and (batch_idx + 1) % interval == 0
