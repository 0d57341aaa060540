"""How far a part of an evaluation is: a bar on a terminal, lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Of one part, by its name; says at its end how long it took."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: Bar | None = None

    def __enter__(self) -> Progress:
        self.began = self.last_line = time.monotonic()
        console = Console(stderr=True)
        if console.is_terminal:
            text = TextColumn("{task.description}")
            times = (TimeElapsedColumn(), TimeRemainingColumn())
            self.bar = Bar(text, BarColumn(None), *times, console=console, transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.name, total=1.0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
        if kind is None:
            logger.info("%s: %.1f s", self.name, time.monotonic() - self.began)

    def at(self, share: float) -> None:
        """So much of the part is done, 0 to 1."""
        if self.bar is not None:
            self.bar.update(self.task, completed=share)
        elif time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = time.monotonic()
            logger.info("%s: %.0f %%", self.name, 100 * share)
