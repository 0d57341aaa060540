"""What W&B is given beside figures: how often codes are used, a table, checkpoints."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from wavenet_ae.checkpoint import read_checkpoint, step_checkpoints
from wavenet_ae.dashboards.history import METRICS, read_metrics
from wavenet_ae.training.logging.histograms import Histogram, HistogramLog
from wavenet_ae.training.logging.loggers import WandbRun

if TYPE_CHECKING:
    from wandb import Run

USAGE = "codebook/usage"
MOST_USED = "codebook/most_used"
NUM_BARS = 200
UNITS = {  # of a figure's name, the first that fits
    r"bitrate/.*|.*_bits_per_second": "bits/s",
    r".*bits_per_sample": "bits/sample",
    r".*/nll.*|.*/gain_.*": "nats/sample",
    r".*perplexity": "codes",
    r".*codes_used": "of the codes",
}


class WandbMedia(pl.Callback):
    """At a validation, W&B gets bars of the most used codes and a table of the figures; checkpoints
    become artifacts as `logger.wandb.checkpoints` says.

    It comes after the callbacks that log at a validation: W&B takes no more for its step then, so
    that a kill loses none of it.  A checkpoint that is removed before the next validation is not
    recorded.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.recorded: set[str] = set()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for logger in _wandb_runs(trainer):
            step = trainer.global_step - 1
            record = {"validation/figures": _table(trainer.callback_metrics), **_bars(trainer)}
            place = {"trainer/global_step": step}
            logger.experiment.log({**record, **place}, step=step, commit=True)
            if logger.checkpoints == "all":
                self._record_steps(logger.experiment)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._record_last(trainer)

    def on_exception(self, trainer: pl.Trainer, *args: Any) -> None:
        self._record_last(trainer)

    def _record_last(self, trainer: pl.Trainer) -> None:
        for logger in _wandb_runs(trainer):
            if logger.checkpoints == "all":
                self._record_steps(logger.experiment)
            best = self.folder / "best.ckpt"
            if logger.checkpoints != "none" and best.is_file():
                self._record(logger.experiment, best, read_checkpoint(best)["global_step"], "best")

    def _record_steps(self, run: Run) -> None:
        for path in step_checkpoints(self.folder):
            if path.name not in self.recorded:
                self.recorded.add(path.name)
                self._record(run, path, int(path.stem.removeprefix("step-")), path.stem)

    def _record(self, run: Run, path: Path, step: int, alias: str) -> None:
        """Log a checkpoint as a version of the run's artifact.

        W&B reads the file when it uploads it, offline perhaps weeks later: it gets a link of its
        own, which stays when the run replaces or removes the checkpoint.
        """
        import wandb

        own = Path(run.dir).parent / "checkpoints" / path.name
        _link(path, own)
        figures = {"step": step, "validation_nll": self._validation_nlls().get(step)}
        artifact = wandb.Artifact(_artifact_name(run), type="model", metadata=figures)
        artifact.add_file(str(own), "model.ckpt", skip_cache=True, policy="immutable")
        run.log_artifact(artifact, aliases=[alias])

    def _validation_nlls(self) -> dict[int, float]:
        """NLL in nats per sample of each validation of the run, by the number of steps done."""
        metrics = read_metrics(self.folder.parent / METRICS)
        steps, nlls = metrics.get("validation/nll", ([], []))
        return {int(step): float(nll) for step, nll in zip(steps, nlls, strict=True)}


def _wandb_runs(trainer: pl.Trainer) -> Iterator[WandbRun]:
    if trainer.is_global_zero:
        yield from (each for each in trainer.loggers if isinstance(each, WandbRun))


def _table(figures: dict[str, Any]) -> Any:
    import wandb

    rows = [
        [name, float(value), _unit(name)]
        for name, value in sorted(figures.items())
        if name.startswith(("validation/", "bitrate/"))
    ]
    return wandb.Table(["figure", "value", "unit"], rows)


def _unit(name: str) -> str:
    return next((unit for pattern, unit in UNITS.items() if re.fullmatch(pattern, name)), "")


def _bars(trainer: pl.Trainer) -> dict[str, Any]:
    """A chart for each codebook whose usage was logged at this validation."""
    latest = {
        name: histogram
        for logger in trainer.loggers
        if isinstance(logger, HistogramLog)
        for name, (step, histogram) in logger.latest.items()
        if step == trainer.global_step - 1 and f"{name}/".startswith(f"{USAGE}/")
    }
    return {MOST_USED + name.removeprefix(USAGE): _chart(each) for name, each in latest.items()}


def _chart(usage: Histogram) -> Any:
    """The most used codes, most used first."""
    import wandb

    codes = sorted(range(len(usage.counts)), key=lambda code: -usage.counts[code])[:NUM_BARS]
    rows = [[str(code), usage.counts[code]] for code in codes]
    title = f"The {len(codes)} most used of {len(usage.counts)} codes"
    return wandb.plot.bar(wandb.Table(["code", "uses"], rows), "code", "uses", title=title)


def _artifact_name(run: Run) -> str:
    return re.sub(r"[^\w.-]+", "-", run.name or run.id)


def _link(path: Path, other: Path) -> None:
    """A second name for a file, or a copy where there are no links."""
    other.parent.mkdir(exist_ok=True)
    other.unlink(missing_ok=True)
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)
