"""Ctrl-C and SIGTERM as a flag that training looks at between steps."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Stopped(Exception):
    """Training was asked to stop and has saved; `exit_code` is that of the signal.

    Of several processes, the first alone has it: Lightning kills the first, which may still be
    busy, when another one ends with an exit code.
    """

    def __init__(self, signal_number: int, is_first_process: bool) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.exit_code = 128 + signal_number if is_first_process else 0


class StopFlag:
    """Set by SIGINT and SIGTERM while `install`ed.  A second Ctrl-C aborts at once."""

    signals = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[int, signal._HANDLER] = {}

    def install(self) -> None:
        for number in self.signals:
            before = signal.signal(number, self._set)
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
