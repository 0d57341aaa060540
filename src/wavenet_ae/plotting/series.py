"""Models as plots compare them: each a series of runs, with a look of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from wavenet_ae.plotting.style import COLORS, DASHES, GRAY, MARKERS, cycle


@dataclass(frozen=True)
class Run:
    """One run of a model.

    Attributes:
        values: Its metrics by name.
        used_rate: Bits per second that its codes carry at most: their entropy, or a KL; None for a
            model without a rate.
        seed: Its seed, if it has one.
    """

    values: Mapping[str, float]
    used_rate: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Series:
    """Runs that differ in their seed alone.

    Attributes:
        name: What people call it.
        runs: The runs.
        nominal_rate: Bits per second if all codes were equally frequent, for models with codes.
    """

    name: str
    runs: Sequence[Run]
    nominal_rate: float | None = None

    def values(self, metric: str) -> list[float]:
        """Returns a metric of the runs that have it."""
        return [run.values[metric] for run in self.runs if metric in run.values]

    def points(self, metric: str) -> list[tuple[float, float]]:
        """Returns rate and metric of the runs that have both."""
        return [
            (run.used_rate, run.values[metric])
            for run in self.runs
            if run.used_rate is not None and metric in run.values
        ]

    @property
    def has_rate(self) -> bool:
        """Whether any run has a rate."""
        return any(run.used_rate is not None for run in self.runs)

    def by_seed(self, metric: str) -> dict[int, float]:
        """Returns a metric for each seed, the mean over runs that share one."""
        found: dict[int, list[float]] = defaultdict(list)
        for run in self.runs:
            if run.seed is not None and metric in run.values:
                found[run.seed].append(run.values[metric])
        return {seed: mean(values) for seed, values in found.items()}


@dataclass(frozen=True)
class Look:
    """How a series looks in all parts of a plot.

    Attributes:
        color: Its color; gray for a series without a rate.
        marker: Its marker, or None for a series without a rate.
        dashes: The dashes of its line, for a series without a rate.
    """

    color: str
    marker: str | None
    dashes: object


def looks(series: Sequence[Series]) -> list[Look]:
    """Gives each series a look that no other has, as far as there are markers."""
    found: list[Look] = []
    for index, each in enumerate(series):
        if each.has_rate:
            found.append(Look(cycle(COLORS, index), cycle(MARKERS, index), "none"))
        else:
            num_lines = sum(look.marker is None for look in found)
            found.append(Look(GRAY, None, cycle(DASHES[1:], num_lines)))
    return found
