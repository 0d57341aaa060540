"""Groups of runs that differ in their seed alone, compared seed by seed.

The seed chooses the windows that validate (`data.splits.seed`, which recordings are held out), so
that two seeds may differ by more than two groups.  Runs of one seed are measured on the same
samples, unless settings differ that `sample_warnings` names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import mean
from typing import Any

from wavenet_ae.comparison.differences import SEED, in_words, sample_warnings, without_seed
from wavenet_ae.comparison.metrics import cost
from wavenet_ae.comparison.results import RunResult
from wavenet_ae.objectives import Criterion


@dataclass(frozen=True)
class Row:
    """A run with the settings in which it differs from the others."""

    settings: Mapping[str, Any]
    result: RunResult


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Attributes:
        settings: The varied settings without the seed.
        rows: The runs.
        name: The `name` of their configurations, if every group has one of its own; else empty.
    """

    settings: Mapping[str, Any]
    rows: Sequence[Row]
    name: str = ""

    @property
    def finished(self) -> list[RunResult]:
        """The runs that have ended as they should."""
        return [row.result for row in self.rows if row.result.is_finished]

    @property
    def label(self) -> str:
        """The group in a few words."""
        values = ", ".join(in_words(value) for value in self.settings.values())
        return self.name or values or "all runs"

    def values(self, metric: str) -> list[float]:
        """Returns a metric of the finished runs that have it."""
        return [each.metrics[metric] for each in self.finished if metric in each.metrics]


def grouped(rows: Sequence[Row]) -> list[Group]:
    """Groups runs over seeds, in the order of their first runs.

    A run that never began belongs to no group.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.result.config:
            groups.setdefault(without_seed(row.settings), []).append(row)
    return _named(
        [
            Group({key: value for key, value in own[0].settings.items() if key != SEED}, own)
            for own in groups.values()
        ]
    )


def _named(groups: Sequence[Group]) -> list[Group]:
    """Names groups as their runs are named, if no two groups share a name."""
    names = [{str(row.result.config.get("name", "")) for row in group.rows} for group in groups]
    single = [next(iter(each)) for each in names if len(each) == 1]
    if len(groups) < 2 or len(set(single)) < len(groups) or "" in single:
        return list(groups)
    return [replace(group, name=name) for group, name in zip(groups, single, strict=True)]


def by_seed(group: Group, criterion: Criterion) -> dict[int, float]:
    """Returns the mean cost of a group's finished runs for each seed, lower being better."""
    found: dict[int, list[float]] = defaultdict(list)
    for row in group.rows:
        metrics = row.result.metrics
        if row.result.is_finished and criterion.metric in metrics and SEED in row.settings:
            found[row.settings[SEED]].append(cost(metrics[criterion.metric], criterion))
    return {seed: mean(costs) for seed, costs in found.items()}


def behind_the_best(groups: Sequence[Group], criterion: Criterion) -> list[list[float]]:
    """Returns how far each group is behind the best one, for each seed that both have.

    The best group has the best mean over the seeds that all groups of several runs share.

    Returns:
        A list for each group; all are empty if fewer than two seeds or two groups are shared, or
        if the runs cannot be compared.
    """
    if any(sample_warnings([row.result.config for group in groups for row in group.rows])):
        return [[] for _ in groups]
    costs = [by_seed(group, criterion) for group in groups]
    repeated = [each for each in costs if len(each) > 1]
    shared = set.intersection(*map(set, repeated)) if len(repeated) > 1 else set()
    if len(shared) < 2:
        return [[] for _ in groups]
    best = min(repeated, key=lambda each: mean(each[seed] for seed in shared))
    return [_differences(each, best) for each in costs]


def best_first(groups: Sequence[Group], criterion: Criterion) -> list[Group]:
    """Orders groups by how far they are behind the best, where all have that; else by their means.

    Groups without any result come last.
    """
    behind = behind_the_best(groups, criterion)
    values = behind if all(behind) else [_costs(group, criterion) for group in groups]
    keys = [mean(each) if each else inf for each in values]
    return [group for _, group in sorted(zip(keys, groups, strict=True), key=lambda pair: pair[0])]


def _costs(group: Group, criterion: Criterion) -> list[float]:
    return [cost(value, criterion) for value in group.values(criterion.metric)]


def _differences(costs: Mapping[int, float], best: Mapping[int, float]) -> list[float]:
    return [costs[seed] - best[seed] for seed in sorted(costs.keys() & best.keys())]
