"""Who may work in a folder: one process at a time, and none once it is dead."""

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
    """Raises UserError where another process searches in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "search.lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"hydra.sweep.dir={folder}: another process searches in this folder; let it end, or "
            "give this search a folder of its own"
        ) from None


@contextmanager
def run_in_turn(folder: Path) -> Iterator[None]:
    """Waits while another process trains in `folder`.

    A launcher's processes outlive a sweep that is killed: the sweep that goes on must not train
    beside them.
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
