"""A child process for each input: whatever the input does, the others are not affected."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wavenet_ae.errors import UserError

SECONDS = 10.0
BYTES = 1 << 30
EVER = 4 << 30  # private memory at which the kernel refuses more, so that the machine survives
STACK_TRACE = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Attributes:
        fault: What went wrong, one line; empty where it was read, or refused with a clear error.
        is_refused: Whether it was refused.
        text: What was printed, and the stack trace of an error.
        seconds: How long it took.
        peak_bytes: Most memory at a time.
    """

    fault: str
    is_refused: bool
    text: str
    seconds: float
    peak_bytes: int


def read_in_child(
    work: Callable[[], object], folder: Path, seconds: float = SECONDS, most_bytes: int = BYTES
) -> Outcome:
    """Does `work` in a fork of this process, and returns what became of it.

    Args:
        work: Reads an input.
        folder: The working directory of the fork: an input may hold names of files to write.
        seconds: How long it may take.
        most_bytes: How much memory it may take.
    """
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        pid = os.fork()
        if not pid:
            _be_the_child(work, folder, output.fileno())
        is_late = _wait(pid, seconds)
        _, status, usage = os.wait4(pid, 0)
        took, peak = time.monotonic() - start, usage.ru_maxrss * 1024
        output.seek(0)
        text = output.read().decode(errors="replace")
    code = os.waitstatus_to_exitcode(status)
    fault = _fault(code, is_late, text, seconds)
    if not fault and peak > most_bytes:
        fault = f"memory: {peak / 2**20:.0f} MiB"
    return Outcome(fault, code != 0, text, took, peak)


def _fault(code: int, is_late: bool, text: str, seconds: float) -> str:
    if is_late:
        return f"hang: not done after {seconds:g} s"
    if code < 0:
        return f"crash: signal {signal.Signals(-code).name}"
    if STACK_TRACE in text or "Error executing job" in text:
        last = [line for line in text.splitlines() if line.strip()][-1]
        return f"stack trace: {last[:200]}"
    return "" if code in (0, 1, 2) else f"exit code {code}"


def _wait(pid: int, seconds: float) -> bool:
    """Waits for a child; one that takes longer is killed. Returns whether it was."""
    descriptor = os.pidfd_open(pid)
    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
        if not ended:
            os.kill(pid, signal.SIGKILL)
        return not ended
    finally:
        os.close(descriptor)


def _be_the_child(work: Callable[[], object], folder: Path, output: int) -> None:
    """Does the work, and ends this process: 0 if it went well, 1 if it was refused."""
    code = 3
    try:
        os.setsid()
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (EVER, EVER))
        for standard in (1, 2):
            os.dup2(output, standard)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        try:
            work()
            code = 0
        except UserError as error:
            print(f"error: {error}")
            code = 1
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            print(end.code)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
