"""Files that are written whole or not at all.

A file is written under a hidden name beside its own, synced to disk and renamed.  Whatever happens,
its own name holds the whole of the old content or the whole of the new one.  A process that is
killed leaves the hidden file, which `remove_unfinished` removes.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from wavenet_ae.errors import UserError
from wavenet_ae.file_names import LONGEST_NAME

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # errors of a disk without space for a file
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{32}\.partial")


class NotWritten(UserError):
    """A file that cannot be written.

    The text advises to run the same command again.  A command with a better remedy catches this
    error and names its own after `fault`.

    Args:
        path: The file.
        error: Why it cannot be written.

    Attributes:
        reason: The same in words; of a full disk, which one it is.
        is_full: Whether space helps.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        self.path, self.error = path, error
        self.is_full = error.errno in FULL
        self.reason = reason_of(error, path)
        self.fault = f"{path} cannot be written: {self.reason}"
        if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
            remedy = "Choose a shorter or another name"
        else:
            remedy = "Free some space" if self.is_full else "Choose a folder that can be written"
        super().__init__(
            f"{self.fault}.  {remedy}, then run the same command again; no file is left half "
            "written"
        )

    def __reduce__(self) -> tuple[type[NotWritten], tuple[Path, OSError]]:
        """Keeps the error whole on its way from a process of a pool."""
        return type(self), (self.path, self.error)


def reason_of(error: OSError, path: Path) -> str:
    """Returns why a file cannot be written; of a full disk, which one it is."""
    reason = error.strerror or str(error)
    return f"{reason} on {disk_of(path)}" if error.errno in FULL else reason


def disk_of(path: Path) -> str:
    """Returns the disk of a file, which need not exist, by where it is mounted, and its space."""
    place = path.absolute()
    while not place.exists() or not place.is_mount():
        if place == place.parent:
            break
        place = place.parent
    return f"the disk at {place} ({shutil.disk_usage(place).free / 1e6:.1f} MB free)"


def cache_folder() -> Path:
    """Returns the folder of what can be made again: $WAVENET_AE_CACHE, or ~/.cache/wavenet_ae.

    Raises:
        UserError: If neither WAVENET_AE_CACHE nor HOME is set.
    """
    if given := os.environ.get("WAVENET_AE_CACHE"):
        return Path(given).expanduser()
    if home := os.environ.get("HOME"):
        return Path(home) / ".cache" / "wavenet_ae"
    raise UserError("there is no folder for the cache: set WAVENET_AE_CACHE (or HOME)")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a hidden path for a file that another program writes, and renames the file to `path`.

    Where the block raises, `path` stays as it was.

    Args:
        path: The file's own name; its folder is made where there is none.

    Raises:
        NotWritten: The file system refuses: the disk is full, the folder is read-only, ...
    """
    if "\0" in str(path):
        raise NotWritten(path, OSError(errno.EINVAL, "its name has a NUL character"))
    unfinished = path.with_name(_unfinished_name(path.name))
    try:
        with write_errors(path, unfinished):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield unfinished
            _sync(unfinished)
            unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    with suppress(OSError):  # some file systems cannot sync a folder
        _sync(path.parent)


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Yields a file to write, which takes the name `path` when it is complete and on disk.

    Args:
        path: The file's own name; its folder is made where there is none.

    Raises:
        NotWritten: The file system refuses: the disk is full, the folder is read-only, ...
    """
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        yield file


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all.  Raises `NotWritten`."""
    with atomic_write(path) as file:
        file.write(content)


def append_line(path: Path, line: str) -> None:
    """Appends a line of text to a file.  Raises `NotWritten`."""
    with write_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def remove_unfinished(folder: Path) -> None:
    """Removes what processes that were killed were writing directly in a folder."""
    for file in folder.glob(".*.partial") if os.path.isdir(folder) else ():
        if UNFINISHED.fullmatch(file.name):
            file.unlink(missing_ok=True)


@contextmanager
def write_errors(path: Path, unfinished: Path | None = None) -> Iterator[None]:
    """Turns errors of the file system that are about `path` into `NotWritten`.

    Args:
        path: The file's own name.
        unfinished: The name under which it is written.
    """
    try:
        yield
    except OSError as error:
        if _is_about(error, path) or _is_about(error, unfinished):
            raise NotWritten(path, error) from error
        raise


def _unfinished_name(name: str) -> str:
    """Returns a hidden name, which holds only the beginning of a long one."""
    ending = f".{uuid.uuid4().hex}.partial"
    return os.fsdecode(os.fsencode(f".{name}")[: LONGEST_NAME - len(ending)]) + ending


def _is_about(error: OSError, path: Path | None) -> bool:
    """Returns whether an error concerns a file or a folder above it.

    Errors of opening name their file; errors of writing name none.
    """
    if not isinstance(error.filename, str | bytes):
        return True
    return path is not None and path.is_relative_to(os.fsdecode(error.filename))


def _sync(path: Path) -> None:
    """Waits until a file or a folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
