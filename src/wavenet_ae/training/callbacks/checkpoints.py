"""When a run saves itself, how, and how it stops."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import CheckpointIO
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.checkpoint import (
    is_linked,
    link_checkpoint,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from wavenet_ae.errors import UserError
from wavenet_ae.objectives import Criterion
from wavenet_ae.reading import fields_of
from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import Positive, StepCount
from wavenet_ae.signals import StopFlag, Stopped
from wavenet_ae.storage import remove_unfinished
from wavenet_ae.training.callbacks.progress import validates_now
from wavenet_ae.training.logging import run_loggers
from wavenet_ae.training.module import WaveformTraining
from wavenet_ae.training.validation import VALIDATION_SECTIONS

logger = logging.getLogger(__name__)

STATE = {"best_value": float | None, "best_step": StepCount | None, "best_is_complete": bool}


class DurableCheckpointIO(CheckpointIO):
    """Checkpoints that are synced to disk and checked when read, as Lightning's own are not."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(path)

    def remove_checkpoint(self, path: str | Path) -> None:
        remove_checkpoint(Path(path))


class Checkpoints(pl.callbacks.Checkpoint):
    """Saves after optimizer steps: every so many, the last one, and when asked to stop.

    Where a step is followed by a validation the checkpoint waits for it, so that a resumed run
    neither repeats nor misses one.  The newest `keep` stay, beside the best by the objective's
    criterion; what was best before a bottleneck began to quantize gives way to the first one with
    codes.

    As one of Lightning's checkpoint callbacks it is called after all the others, so that what it
    saves holds what they did at this step.
    """

    def __init__(self, run_folder: str, every_n_steps: Positive = 500, keep: Positive = 2) -> None:
        self.run = RunFolder(run_folder)
        self.every_n_steps, self.keep = every_n_steps, keep
        self.best_value: float | None = None
        self.best_step: int | None = None
        self.best_is_complete = False
        self.last_step = 0
        self.flag = StopFlag()

    def state_dict(self) -> dict[str, Any]:
        return {
            "best_value": self.best_value,
            "best_step": self.best_step,
            "best_is_complete": self.best_is_complete,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_value = state_dict["best_value"]
        self.best_step = state_dict["best_step"]
        self.best_is_complete = state_dict["best_is_complete"]

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.flag.install()
        if trainer.is_global_zero:
            remove_unfinished(self.run.path)
            remove_unfinished(self.run.checkpoints)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.last_step = trainer.global_step
        self.flag.install()  # again: Lightning has put its own in place

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        if trainer.global_step != self.last_step and not validates_now(trainer, args[-1]):
            self._log_step(trainer)
            self._settle(trainer, is_best=False)
        self.last_step = trainer.global_step

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        assert isinstance(pl_module, WaveformTraining)
        criterion = pl_module.objective.criterion
        if criterion.metric not in trainer.callback_metrics:
            raise UserError(
                f"the criterion of the objective is {criterion.metric}, which this validation has "
                "not logged: name a metric that every validation logs"
            )
        value = float(trainer.callback_metrics[criterion.metric])
        bottlenecks = [each.bottleneck for each in pl_module.code_streams]
        is_complete = all(bool(each.is_quantizing) for each in bottlenecks if each.codebook_size)
        self._settle(trainer, self.is_best(criterion, value, is_complete))

    def is_best(self, criterion: Criterion, value: float, is_complete: bool) -> bool:
        """Returns whether a validation is the best one so far, which it is from then on."""
        if not isfinite(value):
            return False
        is_first_complete = is_complete and not self.best_is_complete
        is_best = self.best_value is None or criterion.is_better(value, self.best_value)
        if is_best or is_first_complete:
            self.best_value, self.best_is_complete = value, is_complete
        return is_best or is_first_complete

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.flag.restore()

    @staticmethod
    def _log_step(trainer: pl.Trainer) -> None:
        """Writes this step's row of metrics.csv now: Lightning does so only after this hook, and a
        run that is resumed from here begins after it."""
        if trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            metrics = {
                key: float(value)
                for key, value in trainer.logged_metrics.items()
                if not key.startswith(VALIDATION_SECTIONS)  # of an earlier step
            }
            for each in run_loggers(trainer):
                each.log_before_saving(metrics, trainer.global_step - 1)

    def _settle(self, trainer: pl.Trainer, is_best: bool) -> None:
        """Saves if it is time to, and stops if asked to, after all that belongs to this step is
        done.
        """
        stop_signal = self._agreed_signal(trainer)
        is_due = trainer.global_step % self.every_n_steps == 0
        is_last = trainer.global_step == trainer.max_steps or trainer.should_stop
        if is_best:
            self.best_step = trainer.global_step
        if is_due or is_best or stop_signal or is_last:
            self._save(trainer)
        if is_best and trainer.is_global_zero:
            link_checkpoint(self.run.step_checkpoint(trainer.global_step), self.run.best_checkpoint)
        if stop_signal:
            logger.warning("stopping at step %d: saved", trainer.global_step)
            raise Stopped(stop_signal, trainer.is_global_zero)

    def _agreed_signal(self, trainer: pl.Trainer) -> int:
        if trainer.world_size == 1:
            return self.flag.signal_number
        number = torch.tensor(self.flag.signal_number, device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(number, reduce_op="max"))

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.run.step_checkpoint(trainer.global_step), weights_only=False)
        if trainer.is_global_zero:
            for old in self.run.step_checkpoints()[: -self.keep]:
                remove_checkpoint(old)


def kept_state(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state of `Checkpoints` in a checkpoint.

    Args:
        path: The checkpoint.
        content: What it holds.

    Raises:
        UserError: It has none.
    """
    callbacks = content.get("callbacks")
    state = callbacks.get(Checkpoints.__name__) if isinstance(callbacks, Mapping) else None
    return fields_of(state, STATE, f"the checkpoint {path} is damaged")


@rank_zero_only
def restore_best(run: RunFolder, state: Mapping[str, Any]) -> None:
    """Links the best checkpoint again where a run was killed between saving and linking it.

    The checkpoint of the best step still exists then: older ones are removed at later steps only,
    and a later step comes after the link.

    Args:
        run: The run.
        state: State of `Checkpoints` in the checkpoint from which the run is resumed.
    """
    step = state["best_step"]
    best = run.step_checkpoint(step) if step is not None else None
    if best is not None and best.is_file() and not is_linked(best, run.best_checkpoint):
        link_checkpoint(best, run.best_checkpoint)
        logger.info("%s is the checkpoint of step %d again", run.best_checkpoint, step)
