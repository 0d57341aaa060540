"""Run folders from disk, which may come from someone else: their configuration, and where they
lead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.reading import read_yaml

WANDB = "wandb"  # where W&B keeps its files in a run's folder


def read_config(file: Path) -> dict[str, Any]:
    """Returns the configuration in a file that a run has written, as plain values.

    Args:
        file: A run's `config.yaml` or `refused.yaml`.

    Raises:
        UserError: If it cannot be read or is not a configuration.
    """
    config = read_yaml(file)
    if not isinstance(config, dict):
        raise UserError(f"{file} is not a configuration: it must hold the keys of a run")
    return {str(key): value for key, value in config.items()}


def require_no_way_out(folder: Path) -> None:
    """Raises UserError where a link in a folder leads outside it.

    A run appends to its files and replaces and removes checkpoints; through such a link it would do
    so anywhere. W&B makes links to its own logs in `wandb/`, and replaces them.

    Args:
        folder: A run's folder, which need not exist.
    """
    inside = folder.resolve()
    for place, folders, files in os.walk(folder):
        if Path(place) == folder / WANDB:
            folders.clear()
            continue
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise UserError(
                    f"{path} is a link that leads outside the run folder, to {path.readlink()}, "
                    "where the run would write: replace it by a file or folder, or link the whole "
                    "run folder"
                )
