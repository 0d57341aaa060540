"""Processes that train together end together: where one is killed, each other says so and ends.

    first process   Lightning looks every 5 s whether those that it has started are there, and
                    kills it with SIGKILL where one has failed
    the others      look every second whether the first, which has started them, is there
    all             lose their connection, mostly at once, at the next sum over processes (gloo)

Without the watch of the others, one whose first process is killed before they are connected, or
while they compute on GPUs, waits for half an hour.  Processes that SLURM or torchrun has started
are ended by these.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wavenet_ae.distributed import barrier, world_size
from wavenet_ae.errors import UserError
from wavenet_ae.file_names import shown_path
from wavenet_ae.signals import Stopped

FIRST = "WAVENET_AE_FIRST_PROCESS"  # the number of the process that has started the others
SECONDS = 1.0  # between two looks
LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "ncclRemoteError")
LAUNCHER = logging.getLogger("lightning_fabric.strategies.launchers.subprocess_script")


@contextmanager
def ending_together(folder: Path) -> Iterator[None]:
    """A `with` block in which processes train; with a single process it does nothing.

    All processes that leave it in good order do so together: none takes the end of another for a
    failure.

    Args:
        folder: What a user resumes.

    Raises:
        UserError: Another process of the run has ended.
    """
    lost = (
        "another process of this run has failed or was killed, so this one ends too: continue "
        f"with resume={shown_path(folder)}; what was saved is intact"
    )
    stopped: Stopped | None = None
    try:
        with _telling(lost), _watching_the_first(lost), _known_as_first():
            try:
                yield
            except Stopped as error:  # which all processes have agreed on
                stopped = error
        barrier()
    except RuntimeError as error:
        if world_size() == 1 or not any(each in str(error) for each in LOST):
            raise
        raise UserError(lost) from error
    if stopped is not None:
        raise stopped


@contextmanager
def _telling(lost: str) -> Iterator[None]:
    """Logs `lost` as an error where Lightning is about to kill this process."""

    def tell(record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.ERROR, "ERROR"
        record.msg, record.args = f"error: {lost}", ()
        return True

    level = LAUNCHER.level
    LAUNCHER.setLevel(logging.INFO)  # at which Lightning logs it, and nothing else
    LAUNCHER.addFilter(tell)
    try:
        yield
    finally:
        LAUNCHER.removeFilter(tell)
        LAUNCHER.setLevel(level)


@contextmanager
def _known_as_first() -> Iterator[None]:
    """Tells the processes that Lightning starts the number of this one."""
    os.environ[FIRST] = str(os.getpid())
    try:
        yield
    finally:
        del os.environ[FIRST]


@contextmanager
def _watching_the_first(lost: str) -> Iterator[None]:
    """Ends this process with exit code 1 where the first one, which has started it, is gone."""
    first = os.environ.get(FIRST)
    if first is None or os.environ.get("LOCAL_RANK", "0") == "0":
        yield
        return
    is_over = threading.Event()
    watch = threading.Thread(target=_watch, args=(first, lost, is_over), daemon=True)
    watch.start()
    try:
        yield
    finally:
        is_over.set()
        watch.join()


def _watch(first: str, lost: str, is_over: threading.Event) -> None:
    while not is_over.wait(SECONDS):
        if str(os.getppid()) != first:  # a process without a parent gets another one
            print(f"error: {lost}", file=sys.stderr, flush=True)
            os._exit(1)
