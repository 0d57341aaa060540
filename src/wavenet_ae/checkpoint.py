"""Checkpoint files: written whole or not at all, checked when read, plain data only."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from wavenet_ae.errors import UserError

logger = logging.getLogger(__name__)

FORMAT = 2  # keys of constructors have been renamed since 1
SECTION = "wavenet_ae"  # what of a checkpoint is ours; the rest is Lightning's


class DamagedCheckpoint(UserError):
    """A checkpoint that is not as it was written."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it when it is safely on disk."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(
            f"{path} cannot be written: {error.strerror}.  Mend that, free some space for example, "
            "and go on with resume=<run folder>; what was written before is intact."
        ) from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def write_checkpoint(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint, and beside it its SHA-256 in the form that `sha256sum -c` reads.

    The checksum goes first and comes last: a crash leaves none, never that of another content.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    _checksum_file(path).unlink(missing_ok=True)
    write_whole(path, content)
    _write_checksum(path, digest)


def _write_checksum(path: Path, digest: str) -> None:
    write_whole(_checksum_file(path), f"{digest}  {path.name}\n".encode())


def link_checkpoint(path: Path, name: str) -> None:
    """Give a checkpoint a second name in its folder, at no cost in space where links exist."""
    other = path.with_name(name)
    digest = _checksum_file(path).read_text().split()[0]
    _checksum_file(other).unlink(missing_ok=True)
    temporary = other.with_name(f".{name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path, temporary)
        temporary.replace(other)
        _sync_folder(other.parent)
    except OSError:  # a file system without links
        write_whole(other, path.read_bytes())
    _write_checksum(other, digest)


def remove_checkpoint(path: Path) -> None:
    path.unlink(missing_ok=True)
    _checksum_file(path).unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove the checkpoints that a run was writing when it was killed."""
    for temporary in folder.glob(".*.tmp"):
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint as plain tensors and values, on the CPU.

    Raises UserError where there is none, where it is damaged, where it holds anything but plain
    data, and where its format is not ours.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}")
    content = path.read_bytes()
    checksum = _checksum_file(path)
    if checksum.is_file():
        expected = checksum.read_text().split()[:1]
        if [hashlib.sha256(content).hexdigest()] != expected:
            raise DamagedCheckpoint(f"the checkpoint {path} is damaged: its SHA-256 is another")
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"the checkpoint {path} holds more than tensors and plain values and is refused, "
            f"since loading it could run code: {str(error).splitlines()[0]}"
        ) from None
    except (RuntimeError, EOFError, ValueError) as error:
        raise DamagedCheckpoint(f"the checkpoint {path} is damaged: {error}") from None
    return _require_format(loaded, path)


def _require_format(checkpoint: Any, path: Path) -> dict[str, Any]:
    if not isinstance(checkpoint, dict) or SECTION not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of wavenet_ae")
    found = checkpoint[SECTION].get("format")
    if found != FORMAT:
        age = "newer" if isinstance(found, int) and found > FORMAT else "older"
        raise UserError(
            f"the checkpoint {path} has format {found}, {age} than this version's {FORMAT}: "
            f"use a version of wavenet_ae that is {age} than this one"
        )
    return checkpoint


def step_checkpoint(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}.ckpt"


def step_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run that were written step by step, oldest first."""
    return sorted(folder.glob("step-*.ckpt"))


def newest_checkpoint(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest sound checkpoint of a folder; says aloud which damaged ones it passed over.

    Raises UserError where there are checkpoints but none is sound, or one cannot be read for
    another reason than damage: to start over would overwrite what the run has logged.
    """
    paths = step_checkpoints(folder)
    for path in reversed(paths):
        try:
            return path, read_checkpoint(path)
        except DamagedCheckpoint as error:
            logger.warning("%s; trying the checkpoint before it", error)
    if paths:
        raise UserError(
            f"all checkpoints in {folder} are damaged: start a new run, or restore one of them"
        )
    return None
