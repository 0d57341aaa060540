"""A failure mode of training: the metric that shows it, what it means, and what to try."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wavenet_ae.stream_names import ONLY_STREAM
from wavenet_ae.training.diagnostics.history import History, Snapshot
from wavenet_ae.training.diagnostics.suggestions import Hint, Suggestion, advised

FIRST_STEPS = 100
TINY_UPDATE = 1e-4  # of a weight's norm


@dataclass(frozen=True)
class FailureMode:
    """One way in which training fails.

    Attributes:
        name: Its name.
        metric: Key of the metric that shows it, or what comes before the slash of several.
        monitor: Name of the monitor that logs the metric; None where it is always logged.
        shows: Returns whether a snapshot shows it.
        meaning: What it means for the run.
        suggestions: Returns what to try, the likeliest first.
        watched: Which snapshots show it.
        worst: Chooses the metric to name among several.
    """

    name: str
    metric: str
    monitor: str | None
    shows: Callable[[Snapshot, History], bool]
    meaning: str
    suggestions: Callable[[Snapshot, History], Sequence[Suggestion | Hint]]
    watched: Literal["training", "validation"] = "training"
    worst: Callable[[Iterable[float]], float] = max

    def is_present(self, history: History, patience: int) -> bool:
        """Returns whether each of the last `patience` snapshots shows it."""
        snapshots = history.last(self.watched, patience)
        return len(snapshots) == patience and all(
            self.shows(snapshot, history) for snapshot in snapshots
        )

    def is_over(self, history: History, patience: int) -> bool:
        """Returns whether none of the last `patience` snapshots shows it."""
        return not any(
            self.shows(snapshot, history) for snapshot in history.last(self.watched, patience)
        )

    def sentence(self, history: History) -> str:
        """Returns the warning: the metric, its value, what it means and what to try."""
        snapshot = history.last(self.watched, 1)[0]
        shown = metrics_of(snapshot, self.metric)
        key = next(key for key, value in shown.items() if value == self.worst(shown.values()))
        advice = advised(self.suggestions(snapshot, history), history)
        tried = f"  Try {' or '.join(advice)}." if advice else ""
        return f"{self.name}: {key} is {shown[key]:.3g}.  {self.meaning}{tried}"


def metrics_of(snapshot: Snapshot, metric: str) -> dict[str, float]:
    """Returns the metric of this key and those whose key begins with it and a slash."""
    return {
        key: value
        for key, value in snapshot.items()
        if key == metric or key.startswith(f"{metric}/")
    }


def by_stream(snapshot: Snapshot, metric: str) -> list[tuple[str, float]]:
    """Returns the values of a metric, each with the last part of its key.

    That is the name of the stream of codes where the model has several.
    """
    return [(key.rpartition("/")[2], value) for key, value in metrics_of(snapshot, metric).items()]


def sized_as(stream: str, sizes: Mapping[str, int]) -> int:
    """Returns the size of a stream, that of the only one whatever its metrics are called."""
    return sizes.get(stream) or sizes[ONLY_STREAM]


def first_steps(history: History) -> float:
    """Returns the number of steps in which little is learned in any run."""
    return max(history.setting("optimizer.warmup_steps"), FIRST_STEPS)


def hardly_moves(snapshot: Snapshot) -> bool:
    """Returns whether no part of the model changes much in a step."""
    return all(value < TINY_UPDATE for key, value in snapshot.items() if key.startswith("updates/"))
