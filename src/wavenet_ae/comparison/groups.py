"""Compared runs, and groups of those that differ in their seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wavenet_ae.comparison.keys import SEED, in_words, without_seed
from wavenet_ae.comparison.summary import RunResult


@dataclass(frozen=True)
class Row:
    """A run with the settings that tell it from the others."""

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
    """Names groups as their runs are named, if that tells them apart."""
    names = [{str(row.result.config.get("name", "")) for row in group.rows} for group in groups]
    single = [next(iter(each)) for each in names if len(each) == 1]
    if len(groups) < 2 or len(set(single)) < len(groups) or "" in single:
        return list(groups)
    return [replace(group, name=name) for group, name in zip(groups, single, strict=True)]
