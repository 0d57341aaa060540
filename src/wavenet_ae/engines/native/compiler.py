"""Libraries compiled on first use by the system's compiler, and kept.

A library is named by a hash of all that decides it: the sources, the compiler and the flags.  It
appears under that name only when it is complete, and processes that want it at once wait for one.
Its time of change says when it was last used, to a day; where one is compiled, those that nobody
has used for a month are removed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from wavenet_ae.errors import UserError
from wavenet_ae.storage import NotWritten, atomic_path, write_bytes

logger = logging.getLogger(__name__)

SOURCES = Path(__file__).parent / "cpp"
COMPILERS = ("c++", "g++", "clang++")
FLAGS = (
    *("-std=c++20", "-O3", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden"),
    # A product and a sum become one operation where the source says so, and nowhere else: sums
    # are the same in any batch.
    *("-ffp-contract=off", "-fno-math-errno", "-Wno-psabi"),
)
DAY = 24 * 3600  # seconds
KEPT_UNUSED = 30 * DAY


class NotCompiled(UserError):
    """There is no native engine on this machine.  The text says why, and what would help."""


def compiled(source: str, flags: Sequence[str] = ()) -> Path:
    """The library of a file in `cpp/`, compiled where it is not there yet; raises NotCompiled."""
    command = [*find_compiler(), *FLAGS, *flags]
    library = cache_folder() / f"{Path(source).stem}-{_fingerprint(command)}.so"
    if _unused_for(library) < DAY:
        return library
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        with _lock_of(library):
            if library.is_file():
                library.touch()
            else:
                _compile([*command, str(SOURCES / source)], library)
                _remove_unused(library.parent)
    except (OSError, NotWritten) as error:
        if os.path.isfile(library):
            return library  # it may be used where nothing may be written
        reason = error.reason if isinstance(error, NotWritten) else error.strerror
        raise NotCompiled(
            f"{library.parent} cannot be written ({reason}): let the environment variable "
            "WAVENET_AE_CACHE name a folder that can"
        ) from error
    return library


def cache_folder() -> Path:
    folder = os.environ.get("WAVENET_AE_CACHE") or Path.home() / ".cache" / "wavenet_ae"
    return Path(folder).expanduser() / "native"


def find_compiler() -> list[str]:
    """The command of a C++ compiler: $CXX where it is set, else the first that there is."""
    named = shlex.split(os.environ.get("CXX", ""))
    for command in [named] if named else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return command
    if named:
        raise NotCompiled(
            f"CXX is {shlex.join(named)!r}, which is no program: unset it, or let it name a C++ "
            "compiler"
        )
    raise NotCompiled(
        f"there is no C++ compiler ({', '.join(COMPILERS)}): install one, such as the package g++, "
        "or let the environment variable CXX name one"
    )


def _fingerprint(command: Sequence[str]) -> str:
    digest = hashlib.sha256("\0".join([*command, _version(command[0])]).encode())
    for file in sorted(SOURCES.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout


def _compile(command: Sequence[str], library: Path) -> None:
    """What the compiler says is kept beside the library."""
    logger.info("compiling the native engine, once: %s", library)
    log = library.with_suffix(".log")
    with atomic_path(library) as unfinished:
        done = subprocess.run([*command, "-o", str(unfinished)], capture_output=True, text=True)
        write_bytes(log, f"{shlex.join(done.args)}\n\n{done.stdout}{done.stderr}".encode())
        if done.returncode:
            raise NotCompiled(
                f"{shlex.join(command[:1])} could not compile the native engine, see {log}: let "
                "the environment variable CXX name a compiler that knows C++20, such as g++ 11"
            )


def _remove_unused(folder: Path) -> None:
    """Libraries, what their compilers said, and what compilers that were killed have left.

    Never one that a process is about to load: whoever finds a library unused for so long takes its
    lock before it uses it.  Locks stay, since others may wait for them.
    """
    for file in folder.iterdir():
        if file.suffix == ".lock" or _unused_for(file) < KEPT_UNUSED:
            continue
        try:
            with _lock_of(file, seconds=0):
                if _unused_for(file) >= KEPT_UNUSED:
                    file.unlink(missing_ok=True)
        except (Timeout, OSError):
            logger.debug("%s is in use, or not ours to remove", file)


def _lock_of(file: Path, seconds: float = -1) -> FileLock:
    """Of a library and what belongs to it; raises Timeout after so many seconds, -1: never."""
    return FileLock(file.with_suffix(".lock"), seconds)


def _unused_for(file: Path) -> float:
    """Seconds; infinite where no such file can be found."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return float("inf")
