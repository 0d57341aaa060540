"""How far, and how fast: a bar on a terminal, lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from wavenet_ae.speaking.interrupts import Interrupts

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0


class Meter:
    """Counts seconds of audio and utterances.

    num_utterances  that are to be made
    audio_seconds   that they will have together, about
    """

    def __init__(self, num_utterances: int, audio_seconds: float) -> None:
        self.num_utterances, self.expected = num_utterances, audio_seconds
        self.num_done, self.audio_seconds = 0, 0.0
        self.bar: Progress | None = None
        self.interrupts = Interrupts()

    def __enter__(self) -> Meter:
        self.interrupts.install()
        self.began = self.last_line = time.monotonic()
        console = Console(stderr=True)
        if console.is_terminal:
            text = TextColumn("{task.description}")
            times = (TimeElapsedColumn(), TimeRemainingColumn())
            self.bar = Progress(BarColumn(None), *times, text, console=console)
            self.bar.start()
            self.task = self.bar.add_task(self.text, total=self.expected)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.interrupts.restore()
        if self.bar is not None:
            self.bar.stop()
        if kind is KeyboardInterrupt:
            logger.info("stopped after %s; the same command goes on from here", self.text)

    @property
    def text(self) -> str:
        took = max(time.monotonic() - self.began, 1e-6)
        return (
            f"{self.num_done}/{self.num_utterances}, {self.audio_seconds:.1f} s of audio, "
            f"{self.audio_seconds / took:.3g}x real time"
        )

    def add(self, audio_seconds: float, num_done: int = 0) -> None:
        """So much audio more, and so many utterances that are complete.  Raises KeyboardInterrupt
        where one was dropped."""
        self.interrupts.check()
        self.audio_seconds += audio_seconds
        self.num_done += num_done
        if self.bar is not None:
            self.bar.update(self.task, completed=self.audio_seconds, description=self.text)
        elif time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = time.monotonic()
            logger.info("%s", self.text)
