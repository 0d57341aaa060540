"""Runs of a sweep: one process at a time in a folder, and one device for each run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder

logger = logging.getLogger(__name__)


@contextmanager
def sole_search(folder: Path) -> Iterator[None]:
    """Holds the lock of a search in `folder`.

    Raises:
        UserError: If another process searches in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "search.lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"hydra.sweep.dir={folder}: another process searches in this folder; wait for it, or "
            "set hydra.sweep.dir to another folder"
        ) from None


@contextmanager
def run_in_turn(folder: Path) -> Iterator[None]:
    """Holds the lock of a run in `folder`, waiting while another process trains there.

    The processes of a launcher outlive a sweep that is killed. When the sweep continues, it must
    not train in the same folder at the same time.
    """
    lock = FileLock(RunFolder(folder).lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("%s: another process still trains here; waiting until it is done", folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def require_one_device(config: Mapping[str, Any]) -> None:
    """Checks that a run of a sweep uses one device.

    With several devices, Lightning would start their processes with the sweep's own command, and
    each process would start a sweep.

    Args:
        config: Plain configuration of the run.

    Raises:
        UserError: If the run asks for several devices.
    """
    trainer = config.get("trainer")
    devices = trainer.get("devices", 1) if isinstance(trainer, Mapping) else 1
    if devices != 1 and not (isinstance(devices, list) and len(devices) == 1):
        raise UserError(
            f"trainer.devices is {devices!r}, but a run of a sweep computes on one device: remove "
            "trainer=ddp, and use hydra/launcher=local to train several runs side by side"
        )
