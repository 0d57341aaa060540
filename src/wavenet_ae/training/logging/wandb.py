"""Weights & Biases, continued by a resume."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.dashboards.login import has_login
from wavenet_ae.errors import UserError
from wavenet_ae.reading import read_any_text, shown
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import write_bytes
from wavenet_ae.training.logging.base import Cell, CheckpointUploads, Histogram, RunLogger

if TYPE_CHECKING:
    from wandb import Run

MOST_BINS = 512  # of a histogram in W&B
STEP = "trainer/global_step"


def _read_id(file: Path) -> str:
    """Returns the id of a run in W&B.

    Raises:
        UserError: The file holds none.
    """
    found = read_any_text(file).strip()
    if not re.fullmatch(r"[\w-]{1,64}", found, re.ASCII):
        raise UserError(
            f"{file} is {shown(found)}, which is no id of W&B: restore it, or remove it to "
            "continue as another run there"
        )
    return found


class WandB(RunLogger, WandbLogger):
    """A W&B run, whose rows are numbered by the optimizer step.

    Without a login the run is offline (`wandb sync` uploads it later) and never asks.  A resumed
    run keeps its id; offline, each segment has a folder of its own under that id.

    Lightning's logger numbers rows by calls, from 0 again in each offline segment of a resumed run,
    so that `wandb sync` would lay one segment over the other.  It also leaves the run open, so that
    the next run in this process would be logged into it.

    Args:
        run_folder: The run's folder.
        project: In W&B.
        entity: The user or team; None: the default of the login.
        name: Name of the run; None: the name of its folder.
        tags: Tags of the run.
        checkpoints: Which checkpoints are kept as artifacts.
    """

    def __init__(
        self,
        run_folder: str,
        project: str = "wavenet_ae",
        entity: str | None = None,
        name: str | None = None,
        tags: list[str] | None = None,
        checkpoints: CheckpointUploads = "none",
    ) -> None:
        run = RunFolder(run_folder)
        if not run.wandb_id.is_file():
            write_bytes(run.wandb_id, os.urandom(4).hex().encode())
        settings: dict[str, Any] = {"entity": entity, "tags": tags}
        super().__init__(
            name=name or run.name,
            save_dir=run_folder,
            project=project,
            id=_read_id(run.wandb_id),
            resume="allow",
            offline=not has_login(),
            **{key: value for key, value in settings.items() if value is not None},
        )
        self._wandb_init.pop("anonymous", None)  # given by Lightning, unset: W&B warns of it
        self.checkpoints = checkpoints

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        self.experiment.log({**metrics, STEP: step}, step=step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        super().finalize(status)
        if self._experiment is not None:
            self._experiment.finish(exit_code=0 if status == "success" else 1)

    def add_config(
        self, config: Mapping[str, Any], provenance: Mapping[str, Any], step: int
    ) -> None:
        """Makes the configuration that of the W&B run, with `provenance` beside its keys."""
        self.log_hyperparams({**config, "provenance": dict(provenance)})

    def add_scalars(self, metrics: Mapping[str, float], step: int) -> None:
        self._add(metrics, step)

    def add_histogram(self, name: str, histogram: Histogram, step: int) -> None:
        import wandb  # importing it takes a second, which only its users wait for

        merged = histogram.at_most(MOST_BINS)
        bins = (np.array(merged.counts), merged.edges)
        self._add({name: wandb.Histogram(np_histogram=bins)}, step)

    def add_bars(
        self, name: str, title: str, labels: Sequence[str], values: Sequence[float], step: int
    ) -> None:
        import wandb

        table = wandb.Table(
            ["label", "value"], [list(pair) for pair in zip(labels, values, strict=True)]
        )
        self._add({name: wandb.plot.bar(table, "label", "value", title=title)}, step)

    def add_table(
        self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], step: int
    ) -> None:
        import wandb

        self._add({name: wandb.Table(list(columns), [list(row) for row in rows])}, step)

    def add_audio(self, name: str, file: Path, step: int) -> None:
        import wandb

        self._add({name: wandb.Audio(str(file))}, step)

    def add_image(self, name: str, file: Path, step: int) -> None:
        import wandb

        self._add({name: wandb.Image(str(file))}, step)

    def add_checkpoint(self, file: Path, alias: str, metadata: Mapping[str, Any]) -> None:
        """Keeps a checkpoint as a version of the run's artifact.

        W&B reads the file when it uploads it, offline perhaps weeks later: it gets a link of its
        own, which stays when the run replaces or removes the checkpoint.
        """
        import wandb

        run: Run = self.experiment
        own = RunFolder(Path(run.dir).parent).checkpoints / file.name
        _link(file, own)
        name = re.sub(r"[^\w.-]+", "-", run.name or run.id)
        artifact = wandb.Artifact(name, type="model", metadata=dict(metadata))
        artifact.add_file(str(own), "model.ckpt", skip_cache=True, policy="immutable")
        run.log_artifact(artifact, aliases=[alias])

    def alert(self, title: str, text: str) -> None:
        self.experiment.alert(title=title, text=text)

    def end_row(self, step: int) -> None:
        if step >= self.experiment.step:  # otherwise the row has ended already
            self.experiment.log({STEP: step}, step=step, commit=True)

    def _add(self, record: Mapping[str, Any], step: int) -> None:
        # W&B adds nothing to a row that has ended: the record then goes to the next row.
        row = max(step, self.experiment.step)
        self.experiment.log({**record, STEP: step}, step=row, commit=False)


def _link(path: Path, other: Path) -> None:
    """Gives a file a second name, or copies it where there are no links."""
    other.parent.mkdir(exist_ok=True)
    other.unlink(missing_ok=True)
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)
