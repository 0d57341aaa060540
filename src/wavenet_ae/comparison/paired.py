"""Groups of runs compared seed by seed.

The seed chooses the windows that validate (`data.splits.seed`, which recordings are held out), so
that NLLs of two seeds may differ by more than those of two groups.  Runs of one seed are measured
on the same samples, unless settings differ that `comparable` names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf
from statistics import mean

from wavenet_ae.comparison.comparable import warnings
from wavenet_ae.comparison.groups import Group
from wavenet_ae.comparison.keys import SEED
from wavenet_ae.comparison.summary import NLL


def by_seed(group: Group) -> dict[int, float]:
    """Mean NLL of the finished runs of a group that have a seed, by their seeds."""
    found: dict[int, list[float]] = defaultdict(list)
    for row in group.rows:
        if row.result.is_finished and NLL in row.result.figures and SEED in row.settings:
            found[row.settings[SEED]].append(row.result.figures[NLL])
    return {seed: mean(nlls) for seed, nlls in found.items()}


def over_the_best(groups: Sequence[Group]) -> list[list[float]]:
    """How much each group's NLL is above that of the best group, for each seed that both have.

    The best has the lowest mean over the seeds that all groups of several runs have; all are empty
    where these are fewer than two seeds or two groups, or where NLLs cannot be compared.
    """
    if any(warnings([row.result.config for group in groups for row in group.rows])):
        return [[] for _ in groups]
    nlls = [by_seed(group) for group in groups]
    repeated = [each for each in nlls if len(each) > 1]
    shared = set.intersection(*map(set, repeated)) if len(repeated) > 1 else set()
    if len(shared) < 2:
        return [[] for _ in groups]
    best = min(repeated, key=lambda each: mean(each[seed] for seed in shared))
    return [_differences(each, best) for each in nlls]


def lowest_first(groups: Sequence[Group]) -> list[Group]:
    """By what they are above the best, where all have that; else by their mean NLLs; those without
    any last."""
    above = over_the_best(groups)
    values = above if all(above) else [group.figures(NLL) for group in groups]
    keys = [mean(each) if each else inf for each in values]
    return [group for _, group in sorted(zip(keys, groups, strict=True), key=lambda pair: pair[0])]


def _differences(nlls: Mapping[int, float], best: Mapping[int, float]) -> list[float]:
    return [nlls[seed] - best[seed] for seed in sorted(nlls.keys() & best.keys())]
