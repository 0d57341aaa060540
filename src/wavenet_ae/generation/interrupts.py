"""Ctrl-C that is not lost.

Python raises KeyboardInterrupt wherever it happens to be; inside a finaliser or a library's
callback the exception is dropped, and work would go on.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupts:
    """Notes SIGINT, and raises at once as Python does; `check` raises what was dropped."""

    def __init__(self) -> None:
        self.is_seen = False

    def install(self) -> None:
        """Of the main thread only: others get no signals."""
        self.is_installed = threading.current_thread() is threading.main_thread()
        if self.is_installed:
            self.before = signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.is_seen = True
        raise KeyboardInterrupt

    def check(self) -> None:
        if self.is_seen:
            raise KeyboardInterrupt

    def restore(self) -> None:
        if self.is_installed:
            signal.signal(signal.SIGINT, self.before)
