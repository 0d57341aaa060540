"""Progress of long work: a bar on a terminal, lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from wavenet_ae.signals import Interrupts
from wavenet_ae.threads import AdaptedTorch

SECONDS_BETWEEN_LINES = 10.0
FIXED_WIDTH = 32  # columns of a short bar, of two times and of what stands between

logger = logging.getLogger(__name__)


class Bar:
    """A bar on a terminal; elsewhere nothing, so that the caller logs lines instead.

    Args:
        total: What `at` counts up to; None where that is not known.
        counts_steps: Whether to show `step M/N`.
        is_transient: Whether the bar is erased when it stops.
    """

    def __init__(
        self, total: float | None, counts_steps: bool = False, is_transient: bool = True
    ) -> None:
        console = Console(stderr=True)
        self.is_shown = console.is_terminal
        if not self.is_shown:
            return
        counts: list[ProgressColumn] = (
            [TextColumn("step"), MofNCompleteColumn()] if counts_steps else []
        )
        self._room = console.width - FIXED_WIDTH - (2 * len(f"{total}") if counts_steps else 0)
        # The text comes last, since its length changes.
        text = TextColumn("{task.description}", markup=False)
        columns = (*counts, BarColumn(None), TimeElapsedColumn(), TimeRemainingColumn(), text)
        self._bar = RichProgress(*columns, console=console, transient=is_transient)
        self._bar.start()
        self._task = self._bar.add_task("", total=total)

    def at(self, done: float, text: str) -> None:
        """Shows that `done` of the total is done, and a text."""
        if self.is_shown:
            self._bar.update(self._task, completed=done, description=fitting(text, self._room))

    def stop(self) -> None:
        """Gives the terminal back; may be called again."""
        if self.is_shown:
            self._bar.stop()


def fitting(text: str, room: int) -> str:
    """Returns the parts of a text, which two spaces separate, for which there is room."""
    parts = text.split("  ")
    while len(parts) > 1 and len("  ".join(parts)) > room:
        parts.pop()
    return "  ".join(parts)


class Progress:
    """A `with` block of long work, in which no Ctrl-C is lost; logs at its end how long it took.

    Args:
        name: Name of the work.
        total: What `at` counts up to.
        threads: Adapts torch's threads to the time between two calls of `at`.
    """

    def __init__(self, name: str, total: float = 1.0, threads: AdaptedTorch | None = None) -> None:
        self.name, self.total, self.threads = name, total, threads
        self.interrupts = Interrupts()

    def __enter__(self) -> Self:
        self.began = self.last_line = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(self.interrupts)
            self.bar = Bar(self.total)
            stack.callback(self.bar.stop)
            self.bar.at(0, self.name)
            if self.threads is not None:
                stack.enter_context(self.threads)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        self.log_end(kind)

    def log_end(self, kind: type[BaseException] | None) -> None:
        """Logs how the work has ended: with no error, or with one of some kind."""
        if kind is None:
            logger.info("%s: %.1f s", self.name, self.seconds)

    @property
    def seconds(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self.began

    def at(self, done: float, text: str | None = None) -> None:
        """Shows how much of the total is done.

        Args:
            done: Between 0 and the total.
            text: Shown beside the bar or as a line; by default the name and a percentage.

        Raises:
            KeyboardInterrupt: A library has dropped one.
        """
        self.interrupts.check()
        if self.threads is not None:
            self.threads.next_piece()
        if text is None:
            text = f"{self.name}: {100 * done / self.total:.0f} %"
        self.bar.at(done, text)
        if not self.bar.is_shown and time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = time.monotonic()
            logger.info("%s", text)


class AudioProgress(Progress):
    """Progress in utterances and seconds of audio.

    Args:
        num_utterances: How many are to be made.
        audio_seconds: About how long they will be together.
        threads: Adapts torch's threads to the time between two calls of `add`.
    """

    def __init__(
        self, num_utterances: int, audio_seconds: float, threads: AdaptedTorch | None = None
    ) -> None:
        super().__init__(f"0/{num_utterances}", audio_seconds, threads)
        self.num_utterances = num_utterances
        self.num_done, self.audio_seconds = 0, 0.0

    @property
    def text(self) -> str:
        took = max(self.seconds, 1e-6)
        return (
            f"{self.num_done}/{self.num_utterances}, {self.audio_seconds:.1f} s of audio, "
            f"{self.audio_seconds / took:.3g}x real time"
        )

    def add(self, audio_seconds: float, num_done: int = 0) -> None:
        """Counts more audio, and utterances that are complete.

        Raises:
            KeyboardInterrupt: A library has dropped one.
        """
        self.audio_seconds += audio_seconds
        self.num_done += num_done
        self.at(self.audio_seconds, self.text)

    def log_end(self, kind: type[BaseException] | None) -> None:
        if kind is KeyboardInterrupt:
            logger.info("stopped after %s; run the same command again to continue", self.text)
