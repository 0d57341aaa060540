"""One process at a time in a folder: locks that end with the process that holds them.

The lock is a file on which the operating system holds a lock for the process. It stays in the
folder and means nothing once the process has ended, however it ended. The file beside it says which
process holds the lock.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
from collections.abc import Iterator
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
    """Holds the lock of a folder while the block runs.

    Args:
        folder: The folder, which is made where there is none.
        advice: What the error advises.
        lock: The lock's file; by default `.in_use.lock` in the folder.

    Raises:
        InUse: Another process holds the lock.
        UserError: Something else lies where the lock's file belongs.
    """
    lock = lock or folder / IN_USE
    folder.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise InUse(folder, lock, advice) from None
    except (NotImplementedError, OSError) as error:
        _require_lockless(lock, error)
        logger.warning("%s: this file system has no locks; use it in one process only", folder)
    try:
        _record_owner(lock)
        yield
    finally:
        with suppress(OSError):
            _owner_file(lock).unlink(missing_ok=True)
        held.release()


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
        return f" (process {owner['process']} on {owner['host'][:60]})"
    return ""
