"""TensorBoard and Weights & Biases, continued by a resume."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from wavenet_ae.checkpoint import write_whole


def tensorboard(run_folder: str, first_step: int) -> TensorBoardLogger:
    """Scalars for `tensorboard --logdir <run folder>`; a resume hides what it writes again."""
    return TensorBoardLogger(
        run_folder, name="", version="tensorboard", purge_step=first_step or None
    )


def wandb(
    run_folder: str,
    first_step: int,
    project: str = "wavenet_ae",
    entity: str | None = None,
    name: str | None = None,
    tags: list[str] | None = None,
) -> WandbLogger:
    """A W&B run; without a login it is offline (`wandb sync` sends it later) and never asks.

    A resumed run keeps its id; offline, each segment has a folder of its own under that id.
    """
    id_file = Path(run_folder) / "wandb_id.txt"
    if not id_file.is_file():
        write_whole(id_file, os.urandom(4).hex().encode())
    settings: dict[str, Any] = {"entity": entity, "tags": tags}
    return WandbLogger(
        name=name or Path(run_folder).name,
        save_dir=run_folder,
        project=project,
        id=id_file.read_text().strip(),
        resume="allow",
        offline=not _has_login(),
        **{key: value for key, value in settings.items() if value is not None},
    )


def _has_login() -> bool:
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    import wandb  # takes a second, which only its users wait

    return bool(wandb.login(prompt=False))
