"""TensorBoard and Weights & Biases, continued by a resume."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.checkpoint import write_whole
from wavenet_ae.dashboards.login import has_login

CheckpointUploads = Literal["none", "best", "all"]


def tensorboard(run_folder: str, first_step: int) -> TensorBoardLogger:
    """Scalars for `tensorboard --logdir <run folder>`; a resume hides what it writes again."""
    return TensorBoardLogger(
        run_folder, name="", version="tensorboard", purge_step=first_step or None
    )


class WandbRun(WandbLogger):
    """Lightning's, with rows numbered by the optimizer step and an end of its own.

    Lightning's numbers them by calls, from 0 again in each offline segment of a resumed run, so
    that `wandb sync` would lay one segment over the other; and it leaves the run open, so that the
    next one in this process would go into it.

    `checkpoints`: which of them WandbRecord keeps as artifacts.
    """

    def __init__(self, checkpoints: CheckpointUploads, **settings: Any) -> None:
        super().__init__(**settings)
        self._wandb_init.pop("anonymous", None)  # given by Lightning, unset: W&B warns of it
        self.checkpoints = checkpoints

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        self.experiment.log({**metrics, "trainer/global_step": step}, step=step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        super().finalize(status)
        if self._experiment is not None:
            self._experiment.finish(exit_code=0 if status == "success" else 1)


def wandb(
    run_folder: str,
    first_step: int,
    project: str = "wavenet_ae",
    entity: str | None = None,
    name: str | None = None,
    tags: list[str] | None = None,
    checkpoints: CheckpointUploads = "none",
) -> WandbRun:
    """A W&B run; without a login it is offline (`wandb sync` sends it later) and never asks.

    A resumed run keeps its id; offline, each segment has a folder of its own under that id.
    """
    id_file = Path(run_folder) / "wandb_id.txt"
    if not id_file.is_file():
        write_whole(id_file, os.urandom(4).hex().encode())
    settings: dict[str, Any] = {"entity": entity, "tags": tags}
    return WandbRun(
        checkpoints,
        name=name or Path(run_folder).name,
        save_dir=run_folder,
        project=project,
        id=id_file.read_text().strip(),
        resume="allow",
        offline=not has_login(),
        **{key: value for key, value in settings.items() if value is not None},
    )


def describe_run(
    loggers: Iterable[Logger],
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
    first_step: int,
) -> None:
    """Tell W&B, as its run's configuration, and TensorBoard, as texts, what is run and from what.

    W&B has the whole configuration by its own keys, and `provenance` beside them.
    """
    for logger in loggers:
        match logger:
            case WandbLogger():
                logger.log_hyperparams({**config, "provenance": dict(provenance)})
            case TensorBoardLogger():
                for name, values in (("config", config), ("provenance", provenance)):
                    text = yaml.safe_dump(dict(values), sort_keys=False)
                    logger.experiment.add_text(name, f"```\n{text}```", first_step)
