"""How a command ends, and what every command does before it begins."""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from math import nan
from pathlib import Path
from typing import TypeVar

from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import NotWritten, write_bytes
from wavenet_ae.threads import set_spin_count

logger = logging.getLogger(__name__)

set_spin_count()  # every command imports this module before anything that imports torch

T = TypeVar("T")
# How Python says that it does not know the user or their home.
UNKNOWN_USER = ("Could not determine home directory", "getpwuid(): uid not found")
FIXABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


def guarded(work: Callable[[], T]) -> T:
    """Does `work`; an error that the user can fix ends with its text alone and exit code 1."""
    print_any_text()
    try:
        return work()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            sys.exit(f"error: {error.filename}: the name is too long for a file: choose another")
        if error.errno not in FIXABLE:
            raise
        sys.exit(f"error: {error.filename or 'a file'} cannot be written: {error.strerror}")
    except (RuntimeError, KeyError) as error:
        if not any(text in str(error) for text in UNKNOWN_USER):
            raise
        sys.exit(
            "error: the home directory is not known, as HOME is not set and this user is not in "
            "the password database: set HOME to a folder that can be written"
        )
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def restart_with_utf8() -> None:
    """Restarts this command in Python's UTF-8 mode where file names would be taken for ASCII.

    So it is in the locale C with PYTHONUTF8=0. Names of recordings would be other texts there than
    in every other locale, and could not be written into tables and logs.
    """
    is_utf8 = sys.getfilesystemencoding() == "utf-8"
    if is_utf8 or os.environ.get("PYTHONUTF8") == "1" or not sys.executable:
        return
    environment = {**os.environ, "PYTHONUTF8": "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def print_any_text() -> None:
    """Lets any text be printed: names of files may have characters that a locale lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # some pipes cannot be asked for their position
                stream.reconfigure(errors="backslashreplace")


def recorded(work: Callable[[], float], folder: Path) -> float:
    """Does the work of a run in a sweep, so that its failure does not stop the others.

    Args:
        work: Trains, and returns the run's result.
        folder: The run's folder, in which a failure is recorded.

    Returns:
        The result; NaN where the run has failed.

    Raises:
        Exception: What would fail all other runs too, a full disk for example.
    """
    run = RunFolder(folder)
    for file in (run.failed, run.refused):
        file.unlink(missing_ok=True)
    try:
        return work()
    except Exception as error:
        if _is_fixable(error):
            raise
        is_known = isinstance(error, UserError)
        reason = str(error) if is_known else f"{type(error).__name__}: {error}"
        logger.error("this run of the sweep failed: %s", reason, exc_info=not is_known)
        write_bytes(run.failed, f"{reason}\n".encode())
        return nan


def _is_fixable(error: BaseException | None) -> bool:
    """Returns whether an error, or its cause, is of a file system that a user can fix."""
    while error is not None:
        own = error.error if isinstance(error, NotWritten) else error  # without cause from a pool
        if isinstance(own, OSError) and own.errno in FIXABLE:
            return True
        error = error.__cause__
    return False
