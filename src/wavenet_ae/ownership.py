"""One process at a time in a folder: locks that end with the process that holds them.

The lock is a file on which the operating system holds a lock for the process. It stays in the
folder and means nothing once the process has ended, however it ended. The file beside it says which
process holds the lock; a kill leaves it, so it counts only while that process runs.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from wavenet_ae.errors import UserError
from wavenet_ae.reading import fields_of, read_json
from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import NonNegative
from wavenet_ae.storage import NotWritten, write_bytes
from wavenet_ae.stored import require_no_way_out

logger = logging.getLogger(__name__)

IN_USE = ".in_use.lock"
OWNER_SECONDS = 2.0  # how long a refused process waits to learn who the owner is
POLL_SECONDS = 0.02
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # of a file system without locks
NO_LOCK_FILE = (errno.ELOOP, errno.EISDIR, errno.ENXIO)  # of a link, a folder, a socket


class InUse(UserError):
    """A folder that another process uses.

    Args:
        folder: The folder.
        lock: Its lock.
        advice: What to do about it.
    """

    def __init__(self, folder: Path, lock: Path, advice: str) -> None:
        super().__init__(f"{folder} is in use by another process{_owner(lock)}: {advice}")


@contextmanager
def sole_use(folder: Path, advice: str, lock: Path | None = None) -> Iterator[None]:
    """Holds the lock of a folder while the block runs; another process is refused.

    Args:
        folder: The folder, which is made where there is none.
        advice: What the error advises.
        lock: The lock's file; by default `.in_use.lock` in the folder.

    Raises:
        InUse: Another process holds the lock.
        UserError: Something else lies where the lock's file belongs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = lock or folder / IN_USE
    with _holding(lock, lambda held: _acquire_or_refuse(held, folder, lock, advice)):
        yield


@contextmanager
def use_in_turn(lock: Path, doing: str) -> Iterator[None]:
    """Holds a lock while the block runs; waits while another process holds it.

    Args:
        lock: The lock's file; its folder is made where there is none.
        doing: What the other process does, for the log: `packs this corpus`.

    Raises:
        UserError: Something else lies where the lock's file belongs.
    """

    def acquire(held: FileLock) -> None:
        try:
            held.acquire(timeout=0)
        except Timeout:
            logger.info("another process%s %s: waiting for it (%s)", _owner(lock), doing, lock)
            held.acquire()

    lock.parent.mkdir(parents=True, exist_ok=True)
    with _holding(lock, acquire):
        yield


@contextmanager
def sole_run(folder: Path, is_named_by_time: bool = False) -> Iterator[Path]:
    """Holds the folder of a run while the block runs, and yields it.

    Args:
        folder: The run's folder.
        is_named_by_time: Whether the folder has the name of the second in which the run starts.
            Where another run has begun there, the run takes the first free one of `<folder>_1`,
            `<folder>_2`, ...

    Raises:
        InUse: Another process trains in the folder.
        UserError: A link in the folder leads outside it.
    """
    advice = "wait for that run, or set run_folder to another folder"
    if not is_named_by_time:
        require_no_way_out(folder)
        with sole_use(folder, advice, RunFolder(folder).lock):
            yield folder
        return
    with ExitStack() as held:
        for number in count():
            chosen = folder.with_name(f"{folder.name}_{number}") if number else folder
            with suppress(InUse):
                held.enter_context(sole_use(chosen, advice, RunFolder(chosen).lock))
                if not RunFolder(chosen).has_begun():
                    break
                held.close()
        yield chosen


@contextmanager
def _holding(lock: Path, acquire: Callable[[FileLock], None]) -> Iterator[None]:
    held = FileLock(lock)
    try:
        acquire(held)
    except (NotImplementedError, OSError) as error:
        _require_lockless(lock, error)
        logger.warning("%s: this file system has no locks; use it in one process only", lock.parent)
    try:
        _record_owner(lock)
        yield
    finally:
        with suppress(OSError):
            _owner_file(lock).unlink(missing_ok=True)
        held.release()


def _acquire_or_refuse(held: FileLock, folder: Path, lock: Path, advice: str) -> None:
    """Acquires a lock at once, or raises InUse as soon as it is known who holds it.

    A process that has just taken the lock has not written yet that it is the owner.
    """
    end = time.monotonic() + OWNER_SECONDS
    while True:
        try:
            held.acquire(timeout=0)
            return
        except Timeout:
            if _owner(lock) or time.monotonic() > end:
                raise InUse(folder, lock, advice) from None
        time.sleep(POLL_SECONDS)


def _require_lockless(lock: Path, error: NotImplementedError | OSError) -> None:
    """Raises the error, or one for people, unless the file system has no locks."""
    if isinstance(error, NotImplementedError) or error.errno in NO_LOCKS:
        return
    if error.errno in NO_LOCK_FILE:
        raise UserError(f"{lock} is not a file that can be locked ({error.strerror}): remove it")
    raise error


def _owner_file(lock: Path) -> Path:
    return lock.with_suffix(".owner")


def _record_owner(lock: Path) -> None:
    owner = {"process": os.getpid(), "host": socket.gethostname()}
    with suppress(OSError, NotWritten):  # it is for people
        write_bytes(_owner_file(lock), json.dumps(owner).encode())  # replaces a link


def _owner(lock: Path) -> str:
    """Returns ` (process 1234 on host)`; nothing where it is not known."""
    file = _owner_file(lock)
    with suppress(UserError):
        owner = fields_of(read_json(file), {"process": NonNegative, "host": str}, str(file))
        process, host = owner["process"], owner["host"]
        if host.isprintable() and (host != socket.gethostname() or _runs(process)):
            return f" (process {process} on {host[:60]})"
    return ""


def _runs(process: int) -> bool:
    """Returns whether a process of this host runs."""
    try:
        os.kill(process, 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another user's
        return True
    return process > 0
