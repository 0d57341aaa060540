"""Groups of runs compared seed by seed.

The seed chooses the windows that validate (`data.splits.seed`, which recordings are held out), so
that two seeds may differ by more than two groups.  Runs of one seed are measured on the same
samples, unless settings differ that `comparable` names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf
from statistics import mean

from wavenet_ae.comparison.comparable import warnings
from wavenet_ae.comparison.criterion import cost
from wavenet_ae.comparison.groups import Group
from wavenet_ae.comparison.keys import SEED
from wavenet_ae.objectives import Criterion


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
    if any(warnings([row.result.config for group in groups for row in group.rows])):
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
