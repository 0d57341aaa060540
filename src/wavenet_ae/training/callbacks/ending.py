"""The lines with which a run ends: why, at which step, its best checkpoint, and what comes next."""

from __future__ import annotations

import logging
import shlex
import signal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, Timer

from wavenet_ae.file_names import shown_path
from wavenet_ae.models import CodeModel, GenerativeModel, SpeechModel
from wavenet_ae.runs import RunFolder
from wavenet_ae.signals import Stopped
from wavenet_ae.training.callbacks.checkpoints import Checkpoints
from wavenet_ae.training.module import WaveformTraining

logger = logging.getLogger(__name__)


class Ending(pl.Callback):
    """Logs why a run ends, at which step, its best checkpoint, and the commands that come next.

    It logs a warning where the run ends before `trainer.max_steps`, or before its bottleneck
    quantizes.  Every run has this callback; it is not a part of the configuration.

    Args:
        run_folder: The run's folder.
        is_last: Whether no stage of a recipe follows, which would start from this run.
    """

    def __init__(self, run_folder: str, is_last: bool = True) -> None:
        self.run = RunFolder(run_folder)
        self.is_last = is_last
        self.last_validation = "none"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step:
            self.last_validation = f"none since step {trainer.global_step}, where it was resumed"

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        metric = pl_module.objective.criterion.metric
        if metric in trainer.callback_metrics:
            value = float(trainer.callback_metrics[metric])
            self.last_validation = f"{metric} {value:.4f} at step {trainer.global_step}"

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        reason, remedy = reason_to_end(trainer)
        advice = f"{argument('resume', shown_path(self.run.path))}{remedy}" if self.is_last else ""
        self._log(trainer, pl_module, reason, advice)
        self._log_next(trainer, pl_module)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        if isinstance(exception, Stopped):
            assert isinstance(pl_module, WaveformTraining)
            name = signal.Signals(exception.signal_number).name
            advice = argument("resume", shown_path(self.run.whole.path))
            self._log(trainer, pl_module, f"{name} has stopped it", advice)

    def _log(self, trainer: pl.Trainer, module: WaveformTraining, reason: str, advice: str) -> None:
        """Logs why the run ends, and the arguments with which to continue it, if there are any."""
        if not trainer.is_global_zero:
            return
        quantized = quantizing(module)
        has_all = trainer.global_step == trainer.max_steps and not fast_dev_run(trainer)
        is_whole = has_all and quantized in ("", BEGUN)
        logger.log(
            logging.INFO if is_whole else logging.WARNING,
            "step %d: the run ends, because %s%s; the last validation: %s.%s",
            *(trainer.global_step, reason, quantized, self.last_validation),
            f"  Continue it with wavenet-ae train {advice}" if advice else "",
        )

    def _log_next(self, trainer: pl.Trainer, module: WaveformTraining) -> None:
        """Logs the best checkpoint, and what one does with it."""
        kept = next(
            (each for each in trainer.checkpoint_callbacks if isinstance(each, Checkpoints)), None
        )
        is_there = self.run.best_checkpoint.is_file()
        if kept is None or kept.best_value is None or not is_there or not trainer.is_global_zero:
            return
        metric = module.objective.criterion.metric
        logger.info(
            "best %s: %.4f at step %d, %s",
            *(metric, kept.best_value, kept.best_step, shown_path(self.run.best_checkpoint)),
        )
        if not self.is_last:
            return
        checkpoint = argument("checkpoint", shown_path(self.run.path))
        logger.info("measure it:  wavenet-ae evaluate %s", checkpoint)
        if task := usual_task(module.model):
            logger.info("use it:      wavenet-ae generate %s %s", checkpoint, task)


def argument(key: str, value: str) -> str:
    """Returns an argument of a command, quoted for the shell where it has to be."""
    return shlex.quote(f"{key}={value}")


def usual_task(model: SpeechModel) -> str:
    """Returns what `wavenet-ae generate` usually does with a model; nothing where it does not."""
    if isinstance(model, CodeModel):
        kind = "" if isinstance(model, GenerativeModel) else "task=encode "
        return f"{kind}input=RECORDINGS"
    return "task=sample" if isinstance(model, GenerativeModel) else ""


BEGUN = "; the bottleneck has begun to quantize"


def quantizing(module: WaveformTraining) -> str:
    """Returns whether every bottleneck has begun to quantize; nothing where none ever does."""
    with_codes = [each for each in module.code_streams if each.bottleneck.codebook_size]
    waiting = [each.bottleneck for each in with_codes if not each.bottleneck.is_quantizing]
    if not waiting:
        return BEGUN if with_codes else ""
    start = getattr(waiting[0], "start_after", None)
    known = "" if start is None else f" (bottleneck.start_after={start})"
    return f"; the bottleneck has not begun to quantize{known}: its codes have no meaning yet"


def fast_dev_run(trainer: pl.Trainer) -> int:
    """Returns `trainer.fast_dev_run`; 0 where it is off."""
    return int(getattr(trainer, "fast_dev_run", 0))


def reason_to_end(trainer: pl.Trainer) -> tuple[str, str]:
    """Returns why training ends, and what to append to `resume=FOLDER` to continue it."""
    if number := fast_dev_run(trainer):
        given = "true" if number == 1 else number
        reason = f"trainer.fast_dev_run={given} allows {number} and logs no metrics"
        return reason, " trainer.fast_dev_run=false"
    for each in trainer.callbacks:  # type: ignore[attr-defined]
        remaining = each.time_remaining() if isinstance(each, Timer) else None
        if remaining is not None and remaining <= 0:
            return "trainer.max_time is over", " and a longer trainer.max_time"
    if trainer.global_step == trainer.max_steps:
        return "it has reached trainer.max_steps", " and a larger trainer.max_steps"
    for each in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(each, EarlyStopping) and each.stopping_reason_message:
            return f"EarlyStopping: {each.stopping_reason_message.rstrip('.')}", ""
    return "a callback has stopped it", ""
