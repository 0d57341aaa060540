"""Locks that let one process at a time work in a folder; they end with the process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
