"""Ctrl-C, SIGTERM and a coming preemption as a flag that training looks at between steps."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

# By which submitit tells a job that it will be preempted or that its time ends.
PREEMPTION = signal.Signals["SIG" + os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")]


class Stopped(Exception):
    """Training was asked to stop and has saved; `exit_code` is that of the signal.

    Of several processes, the first alone has it: Lightning kills the first, which may still be
    busy, when another one ends with an exit code.
    """

    def __init__(self, signal_number: int, is_first_process: bool) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number if is_first_process else 0

    def end(self) -> NoReturn:
        """End the process.  What submitit has sent goes on to submitit, now that training has
        saved: it queues the job again, and ends it."""
        if self.signal_number == PREEMPTION and is_preemptible():
            signal.raise_signal(PREEMPTION)
        sys.exit(self.exit_code)


def is_preemptible() -> bool:
    """Whether this is a job of submitit's, which listens to the signal already."""
    return callable(signal.getsignal(PREEMPTION))


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Puts back who listened before; Lightning tells its callbacks so only where a fit succeeds."""
    before = {each: signal.getsignal(each) for each in (*StopFlag.signals, PREEMPTION)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopFlag:
    """Set by SIGINT and SIGTERM while `install`ed.  A second Ctrl-C aborts at once.

    In a job of submitit's it is set by PREEMPTION; SIGTERM, which a preempted job gets as well,
    stays with submitit, which lets it pass.
    """

    signals = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[int, signal._HANDLER] = {}
        self._handlers: dict[int, signal._HANDLER] = dict.fromkeys(self.signals, self._set)
        if is_preemptible():
            self._handlers[signal.SIGTERM] = signal.getsignal(signal.SIGTERM)
            self._handlers[PREEMPTION] = self._set

    def install(self) -> None:
        for number, handler in self._handlers.items():
            before = signal.signal(number, handler)
            self._before.setdefault(number, before)

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _set(self, number: int, frame: FrameType | None) -> None:
        # Nothing but a flag: a handler may run in the middle of anything.
        if self.signal_number == signal.SIGINT and number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        self.signal_number = number
