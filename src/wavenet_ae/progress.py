"""How far long work is: a bar on a terminal, lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0


class ProgressLine:
    """A text beside a bar, or by itself every ten seconds.

    text   at first
    total  what `at` counts up to
    log    that gets the lines
    """

    def __init__(self, text: str, total: float, log: logging.Logger) -> None:
        self.text, self.total, self.log = text, total, log
        self.bar: Progress | None = None

    def __enter__(self) -> ProgressLine:
        self.began = self.last_line = time.monotonic()
        console = Console(stderr=True)
        if console.is_terminal:
            text = TextColumn("{task.description}")  # last: it changes its length
            times = (TimeElapsedColumn(), TimeRemainingColumn())
            self.bar = Progress(BarColumn(None), *times, text, console=console, transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.text, total=self.total)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def at(self, done: float, text: str) -> None:
        """So much of `total` is done."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done, description=text)
        elif time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = time.monotonic()
            self.log.info("%s", text)
