"""Progress of a part of an evaluation, and the threads that it computes with."""

from __future__ import annotations

import logging
from types import TracebackType

from wavenet_ae.progress import ProgressLine
from wavenet_ae.threads import AdaptedTorch

logger = logging.getLogger(__name__)


class Progress:
    """Progress of one part, which logs its duration at its end.

    torch's threads are adapted to the work between two calls of `at`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = ProgressLine(name, 1.0, logger)
        self.threads = AdaptedTorch()

    def __enter__(self) -> Progress:
        self.line.__enter__()
        self.threads.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.threads.__exit__(kind, error, trace)
        self.line.__exit__(kind, error, trace)
        if kind is None:
            logger.info("%s: %.1f s", self.name, self.line.seconds)

    def at(self, share: float) -> None:
        """Show the share of the part that is done, 0 to 1."""
        self.threads.next_piece()
        self.line.at(share, f"{self.name}: {100 * share:.0f} %")
