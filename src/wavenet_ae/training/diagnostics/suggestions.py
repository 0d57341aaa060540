"""Suggestions: which values of a run's configuration to change, and to what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wavenet_ae.training.diagnostics.history import History

NUM_ADVISED = 3


@dataclass(frozen=True)
class Suggestion:
    """A value of the configuration to change.

    Attributes:
        key: Its dotted key.
        better: Turns the present value into one to try, or returns it where it is good already.
        read_with: A metric that only runs which read this value log; None where all runs read it.
    """

    key: str
    better: Callable[[Any], Any]
    read_with: str | None = None

    def advice(self, history: History) -> str | None:
        """Returns `key=value (now ...)`; None if the run lacks the value or has it already."""
        is_read = self.read_with is None or history.has_logged(self.read_with)
        if not is_read or not history.has(self.key):
            return None
        now = history.setting(self.key)
        proposed = self.better(now)
        return None if proposed == now else f"{self.key}={_text(proposed)} (now {_text(now)})"


@dataclass(frozen=True)
class Hint:
    """Advice where no single value of the configuration would help."""

    text: str

    def advice(self, history: History) -> str | None:
        return self.text


def advised(suggestions: Sequence[Suggestion | Hint], history: History) -> list[str]:
    """Returns the texts of the first few suggestions that apply to the run."""
    texts = [text for each in suggestions if (text := each.advice(history)) is not None]
    return texts[:NUM_ADVISED]


def set_to(key: str, value: Any) -> Suggestion:
    return Suggestion(key, lambda _now: value)


def at_least(key: str, value: float) -> Suggestion:
    return Suggestion(key, lambda now: max(now, value))


def at_most(key: str, value: float) -> Suggestion:
    return Suggestion(key, lambda now: min(now, value))


def times(key: str, factor: float) -> Suggestion:
    return Suggestion(key, lambda now: now * factor)


def halved(key: str) -> Suggestion:
    """Suggests half of a whole number, at least 1."""
    return Suggestion(key, lambda now: max(1, now // 2))


def switched_on(key: str, value: int) -> Suggestion:
    """Suggests a value for a number that is 0 where something is off."""
    return Suggestion(key, lambda now: now or value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


SLOWER = (times("optimizer.learning_rate", 0.1), times("optimizer.decoder_learning_rate", 0.1))
FASTER = (times("optimizer.learning_rate", 10), times("optimizer.decoder_learning_rate", 10))
