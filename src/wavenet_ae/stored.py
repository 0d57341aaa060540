"""Run folders from disk, which may come from someone else: their configuration, and where they
lead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.reading import read_yaml, shown
from wavenet_ae.schema import MOST_BITS

PLAIN = (str, int, float, bool, type(None))
WANDB = "wandb"  # where W&B keeps its files in a run's folder


def read_config(file: Path) -> dict[str, Any]:
    """Returns the configuration in a file that a run has written, as plain values.

    Args:
        file: A run's `config.yaml` or `refused.yaml`.

    Raises:
        UserError: If it cannot be read, is not a configuration, or has values that YAML knows and
            a configuration does not, such as dates.
    """
    config = read_yaml(file)
    if not isinstance(config, dict):
        raise UserError(f"{file} is not a configuration: it must hold the keys of a run")
    for place, value in _values(config):
        if not isinstance(value, PLAIN):
            raise UserError(
                f"{file}: {place} is {shown(value)}, but must be a text, a number, true, false or "
                "null: quote a text that looks like a date"
            )
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise UserError(f"{file}: {place} is {shown(value)}, a number of more than 63 bits")
    return {str(key): value for key, value in config.items()}


def _values(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yields all values of nested mappings and lists, each with its key."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _values(value, f"{place}.{key}" if place else str(key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _values(value, f"{place}[{number}]")
    else:
        yield place, node


def require_no_way_out(folder: Path) -> None:
    """Raises UserError where a link in a folder leads outside it, or something else is no file.

    A run appends to its files and replaces and removes checkpoints; through such a link it would do
    so anywhere. It would wait without end for somebody to read a pipe. W&B makes links to its own
    logs in `wandb/`, and replaces them.

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
            if name in files and path.exists() and not path.is_file():
                raise UserError(
                    f"{path} is a pipe, a socket or a device, not a file, and the run would wait "
                    "for it: remove it"
                )
