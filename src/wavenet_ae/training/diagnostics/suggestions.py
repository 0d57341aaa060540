"""Which values of a run's configuration to change, and to what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wavenet_ae.training.diagnostics.history import History

NUM_ADVISED = 3


@dataclass(frozen=True)
class Remedy:
    """`better` turns the present value into one to try, or into itself where it is so already.

    read_with  a figure that runs which read this setting log; None: all do
    """

    key: str
    better: Callable[[Any], Any]
    read_with: str | None = None

    def advice(self, chart: History) -> str | None:
        """`key=value (now ...)`; None where the run has no such setting, or has it so already."""
        is_read = self.read_with is None or chart.has_logged(self.read_with)
        if not is_read or not chart.has(self.key):
            return None
        now = chart.setting(self.key)
        proposed = self.better(now)
        return None if proposed == now else f"{self.key}={_text(proposed)} (now {_text(now)})"


@dataclass(frozen=True)
class Hint:
    """What to try where no single value of the run's configuration would help."""

    text: str

    def advice(self, chart: History) -> str | None:
        return self.text


def advised(remedies: Sequence[Remedy | Hint], chart: History) -> list[str]:
    """The first few that the run's configuration leaves to try."""
    texts = [text for each in remedies if (text := each.advice(chart)) is not None]
    return texts[:NUM_ADVISED]


def set_to(key: str, value: Any) -> Remedy:
    return Remedy(key, lambda _now: value)


def at_least(key: str, value: float) -> Remedy:
    return Remedy(key, lambda now: max(now, value))


def at_most(key: str, value: float) -> Remedy:
    return Remedy(key, lambda now: min(now, value))


def times(key: str, factor: float) -> Remedy:
    return Remedy(key, lambda now: now * factor)


def halved(key: str) -> Remedy:
    """A whole number, at least 1."""
    return Remedy(key, lambda now: max(1, now // 2))


def switched_on(key: str, value: int) -> Remedy:
    """A number where 0 means off."""
    return Remedy(key, lambda now: now or value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
