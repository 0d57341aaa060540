"""Groups of runs compared seed by seed.

The seed chooses the validation windows, so a group's NLLs differ between seeds by more than groups
do; runs of one seed are measured on the same windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

from wavenet_ae.sweeping.groups import Group
from wavenet_ae.sweeping.summary import NLL
from wavenet_ae.sweeping.summary_keys import SEED


def by_seed(group: Group) -> dict[int, float]:
    """NLL of the finished runs of a group, by their seeds."""
    return {
        row.settings[SEED]: row.result.figures[NLL]
        for row in group.rows
        if row.result.is_finished and NLL in row.result.figures and SEED in row.settings
    }


def over_the_best(groups: Sequence[Group]) -> list[list[float]]:
    """How much each group's NLL is above that of the best group, for each seed that both have.

    The best has the lowest mean over the seeds that all groups of several runs have; all are empty
    where these are fewer than two seeds, or two groups.
    """
    nlls = [by_seed(group) for group in groups]
    repeated = [each for each in nlls if len(each) > 1]
    shared = set.intersection(*map(set, repeated)) if len(repeated) > 1 else set()
    if len(shared) < 2:
        return [[] for _ in groups]
    best = min(repeated, key=lambda each: mean(each[seed] for seed in shared))
    return [_differences(each, best) for each in nlls]


def _differences(nlls: Mapping[int, float], best: Mapping[int, float]) -> list[float]:
    return [nlls[seed] - best[seed] for seed in sorted(nlls.keys() & best.keys())]
