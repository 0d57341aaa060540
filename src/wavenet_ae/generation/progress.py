"""How far, and how fast."""

from __future__ import annotations

import logging
from types import TracebackType

from wavenet_ae.generation.interrupts import Interrupts
from wavenet_ae.progress import ProgressLine

logger = logging.getLogger(__name__)


class Meter:
    """Counts seconds of audio and utterances.

    num_utterances  that are to be made
    audio_seconds   that they will have together, about
    """

    def __init__(self, num_utterances: int, audio_seconds: float) -> None:
        self.num_utterances = num_utterances
        self.num_done, self.audio_seconds = 0, 0.0
        self.line = ProgressLine(f"0/{num_utterances}", audio_seconds, logger)
        self.interrupts = Interrupts()

    def __enter__(self) -> Meter:
        self.interrupts.install()
        self.line.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.interrupts.restore()
        self.line.__exit__(kind, error, trace)
        if kind is KeyboardInterrupt:
            logger.info("stopped after %s; the same command goes on from here", self.text)

    @property
    def text(self) -> str:
        took = max(self.line.seconds, 1e-6)
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
        self.line.at(self.audio_seconds, self.text)
