"""How far a part of an evaluation is."""

from __future__ import annotations

import logging
from types import TracebackType

from wavenet_ae.progress import ProgressLine

logger = logging.getLogger(__name__)


class Progress:
    """Of one part, by its name; says at its end how long it took."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = ProgressLine(name, 1.0, logger)

    def __enter__(self) -> Progress:
        self.line.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.line.__exit__(kind, error, trace)
        if kind is None:
            logger.info("%s: %.1f s", self.name, self.line.seconds)

    def at(self, share: float) -> None:
        """So much of the part is done, 0 to 1."""
        self.line.at(share, f"{self.name}: {100 * share:.0f} %")
