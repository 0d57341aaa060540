"""Ctrl-C, SIGTERM, a terminal that is closed (SIGHUP) and a coming preemption.

Training looks at a flag between steps (`StopFlag`), saves and stops (`Stopped`).  Other commands
stop at once, also where a library has swallowed the exception (`Interrupts`).
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import NoReturn

# The signal with which submitit announces a preemption, or the end of a job's time.
PREEMPTION = signal.Signals["SIG" + os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")]


class Stopped(Exception):
    """Training was asked to stop and has saved.

    Of several processes, the first alone ends with the exit code of the signal: Lightning kills the
    first, which may still be busy, when another one ends with an exit code.

    Args:
        signal_number: The signal that asked for it.
        is_first_process: Whether this is the first of the processes that train together.
    """

    def __init__(self, signal_number: int, is_first_process: bool) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number if is_first_process else 0

    def end(self) -> NoReturn:
        """Ends the process.

        A preemption is handed to submitit now that training has saved: it queues the job again, and
        ends it.
        """
        if self.signal_number == PREEMPTION and is_preemptible():
            signal.raise_signal(PREEMPTION)
        sys.exit(self.exit_code)


def is_preemptible() -> bool:
    """Returns whether this is a job of submitit, which has a handler for the signal already."""
    return callable(signal.getsignal(PREEMPTION))


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Restores the signal handlers after a fit; Lightning does so only where a fit succeeds."""
    before = {each: signal.getsignal(each) for each in (*StopFlag.signals, PREEMPTION)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopFlag:
    """A flag that SIGINT, SIGTERM and SIGHUP set while it is installed.  A second Ctrl-C aborts at
    once.  SIGHUP stays ignored where it is ignored already, as `nohup` does.

    In a job of submitit, PREEMPTION sets it; SIGTERM, which a preempted job gets as well, stays
    with submitit, which ignores it.
    """

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[int, signal._HANDLER] = {}
        self._handlers: dict[int, signal._HANDLER] = dict.fromkeys(self.signals, self._set)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
            del self._handlers[signal.SIGHUP]
        if is_preemptible():
            self._handlers[signal.SIGTERM] = signal.getsignal(signal.SIGTERM)
            self._handlers[PREEMPTION] = self._set

    def install(self) -> None:
        """Handles the signals from now on."""
        for number, handler in self._handlers.items():
            before = signal.signal(number, handler)
            self._before.setdefault(number, before)

    def restore(self) -> None:
        """Restores the handlers from before `install`."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _set(self, number: int, frame: FrameType | None) -> None:
        # Little more than a flag: a handler may run in the middle of anything.
        if self.signal_number == signal.SIGINT and number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        if number == signal.SIGHUP:
            leave_terminal()
        self.signal_number = number


def leave_terminal() -> None:
    """Discards what is written from now on to a terminal that is closed, which would fail."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(output).st_mode) and not os.isatty(output):
                os.dup2(nothing, output)
    os.close(nothing)


class Interrupts:
    """A `with` block in which no Ctrl-C is lost.

    Python raises KeyboardInterrupt wherever it happens to be; inside a finalizer or a library's
    callback the exception is dropped, and work would continue.  This handler raises as Python does,
    and `check` raises what was dropped.
    """

    def __init__(self) -> None:
        self.is_seen = False

    def __enter__(self) -> Interrupts:
        # Other threads than the main one get no signals.
        self.is_installed = threading.current_thread() is threading.main_thread()
        if self.is_installed:
            self.before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_installed:
            signal.signal(signal.SIGINT, self.before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.is_seen = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raises KeyboardInterrupt where one was dropped."""
        if self.is_seen:
            raise KeyboardInterrupt
