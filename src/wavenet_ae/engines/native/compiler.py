"""Libraries compiled on first use by the system's compiler, and cached.

A library is named by a hash of everything that decides it: the sources, the compiler and the flags.
It appears under that name only when it is complete, and processes that need it at the same time
wait for one of them. Its modification time is when it was last used, to a day; whenever a library
is compiled, those that have been unused for a month are removed.

    native/                                       0700, of the user or root
        cpu-0123456789abcdef.so, .sha256, .log    the library, its hash, the compiler's output

A library is loaded only if nobody else can have written it, and if its hash is the one that was
written with it.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

from wavenet_ae.caches import VARIABLE, NotPrivate, cache_of, make_private, require_private
from wavenet_ae.errors import UserError
from wavenet_ae.storage import (
    NotWritten,
    atomic_path,
    disk_of,
    write_bytes,
)

logger = logging.getLogger(__name__)

SOURCES = Path(__file__).parent / "cpp"
COMPILERS = ("c++", "g++", "clang++")
FLAGS = (
    *("-std=c++20", "-O3", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden"),
    # Products and sums are fused only where the source says so, so that results do not depend on
    # the batch.
    *("-ffp-contract=off", "-fno-math-errno", "-Wno-psabi"),
)
DAY = 24 * 3600  # seconds
NO_SPACE = os.strerror(errno.ENOSPC)  # as compilers and assemblers write it
KEPT_UNUSED = 30 * DAY


Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]  # runs a command to its end


class NotCompiled(UserError):
    """Raised if this machine has no native engine; the text says why and what helps."""


def announced(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs a compiler while the user waits, and says so."""
    logger.info("compiling the native engine, once: %s", native_folder())
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        env=environment(),
    )


def environment() -> dict[str, str]:
    """Returns the environment of a compiler, whose errors are read."""
    return {**os.environ, "LC_ALL": "C"}


def compiled(source: str, flags: Sequence[str] = (), run: Run = announced) -> Path:
    """Returns the library of a source file, compiled if it is missing.

    Args:
        source: Name of a file in `cpp/`.
        flags: Flags of the compiler in addition to `FLAGS`.
        run: Runs the compiler.

    Raises:
        NotCompiled: If there is no compiler, it fails, the cache cannot be written, or another user
            could have written what is in it.
    """
    command = [*find_compiler(), *FLAGS, *flags]
    folder = native_folder()
    name = f"{Path(source).stem}-{_fingerprint(command)}.so"
    try:
        return _cached(make_private(folder) / name, [*command, str(SOURCES / source)], run)
    except NotPrivate as error:
        raise NotCompiled(f"the native engine is not loaded: {error}") from None
    except (OSError, NotWritten) as error:
        own = error if isinstance(error, NotWritten) else NotWritten(folder / name, error)
        advice = "free some space, or set" if own.is_full else "set"
        raise NotCompiled(
            f"{folder} cannot be written ({own.reason}): {advice} the environment variable "
            f"{VARIABLE} to a folder that can be written"
        ) from error


def native_folder() -> Path:
    """Returns the folder of compiled libraries, in the cache.

    Raises:
        NotCompiled: If there is no folder for the cache.
    """
    try:
        return cache_of("native")
    except UserError as error:
        raise NotCompiled(str(error)) from None


def _cached(library: Path, command: Sequence[str], run: Run) -> Path:
    """Returns a library of the cache, compiled by the command unless it is sound."""
    if _unused_for(library) < DAY and _is_sound(library):
        return library
    try:
        with _lock_of(library):
            if _is_sound(library):
                library.touch()
                _hash_file(library).touch()
            else:
                _compile(command, library, run)
                _remove_unused(library.parent)
    except (OSError, NotWritten):
        if not _is_sound(library):  # else a read-only cache can be used
            raise
    return library


def _is_sound(library: Path) -> bool:
    """Returns whether a library is complete and as it was written.

    Raises:
        NotPrivate: If another user could have written it.
    """
    if not os.path.lexists(library):
        return False
    require_private(library)
    try:
        expected = _hash_file(library).read_text(errors="replace").split()[:1]
    except OSError:
        return False
    return [_hash_of(library)] == expected


def _hash_file(library: Path) -> Path:
    return library.with_suffix(".sha256")


def _hash_of(library: Path) -> str:
    with library.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_compiler() -> list[str]:
    """Returns the command of a C++ compiler: $CXX if it is set, else the first that exists.

    Raises:
        NotCompiled: If there is none.
    """
    named = shlex.split(os.environ.get("CXX", ""))
    for command in [named] if named else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return command
    if named:
        raise NotCompiled(
            f"CXX is {shlex.join(named)!r}, which is not an executable: unset it, or set it to a "
            "C++ compiler"
        )
    raise NotCompiled(
        f"there is no C++ compiler ({', '.join(COMPILERS)}): install one, such as the package g++, "
        "or set the environment variable CXX to one"
    )


def _fingerprint(command: Sequence[str]) -> str:
    digest = hashlib.sha256("\0".join([*command, _version(command[0])]).encode())
    for file in sorted(SOURCES.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout


def _compile(command: Sequence[str], library: Path, run: Run) -> None:
    """Compiles a library; the compiler's output is kept beside it, and the hash, written last."""
    log = library.with_suffix(".log")
    _hash_file(library).unlink(missing_ok=True)
    with atomic_path(library) as unfinished:
        done = run([*command, "-o", str(unfinished)])
        if done.returncode and NO_SPACE in done.stderr:
            _raise_without_space(library.parent)
        write_bytes(log, f"{shlex.join(done.args)}\n\n{done.stdout}{done.stderr}".encode())
        if done.returncode:
            raise NotCompiled(
                f"{shlex.join(command[:1])} could not compile the native engine, see {log}: set "
                "the environment variable CXX to a compiler for C++20, such as g++ 11"
            )
        unfinished.chmod(0o700)
        digest = _hash_of(unfinished)
    write_bytes(_hash_file(library), f"{digest}  {library.name}\n".encode())


def _raise_without_space(folder: Path) -> NoReturn:
    """Raises NotCompiled, which names the fuller disk of those that a compiler writes to."""
    temporary = Path(tempfile.gettempdir())
    fuller = min(folder, temporary, key=lambda each: shutil.disk_usage(each).free)
    variable = "TMPDIR" if fuller == temporary else "WAVENET_AE_CACHE"
    raise NotCompiled(
        f"the native engine cannot be compiled: no space left in {fuller}, on {disk_of(fuller)}: "
        f"free some, or set the environment variable {variable} to a folder on another disk"
    )


def _remove_unused(folder: Path) -> None:
    """Removes unused libraries, their logs, and what killed compilers have left.

    A library that a process is about to load is never removed: whoever finds a library unused for
    that long takes its lock before using it. Locks stay, because others may wait for them.
    """
    for file in folder.iterdir():
        if file.suffix == ".lock" or _unused_for(file) < KEPT_UNUSED:
            continue
        try:
            with _lock_of(file, seconds=0):
                if _unused_for(file) >= KEPT_UNUSED:
                    file.unlink(missing_ok=True)
        except (Timeout, OSError):
            logger.debug("%s is in use or cannot be removed", file)


def _lock_of(file: Path, seconds: float = -1) -> FileLock:
    """Locks a library and its files; raises Timeout after `seconds`, -1 for never."""
    return FileLock(file.with_suffix(".lock"), seconds)


def _unused_for(file: Path) -> float:
    """Seconds since a file was last used; infinite if there is no such file."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return float("inf")
