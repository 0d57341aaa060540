"""The runs of a sweep, and those among them that differ in their seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wavenet_ae.comparison.keys import SEED, without_seed
from wavenet_ae.comparison.summary import RunResult

NOMINAL, UNIGRAM, KL = (f"bitrate/{name}" for name in ("nominal", "unigram", "kl"))


@dataclass(frozen=True)
class Row:
    """A run with the settings that tell it from the others."""

    settings: Mapping[str, Any]
    result: RunResult


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone; without the seed, their settings."""

    settings: Mapping[str, Any]
    rows: Sequence[Row]

    @property
    def finished(self) -> list[RunResult]:
        return [row.result for row in self.rows if row.result.is_finished]

    def figures(self, name: str) -> list[float]:
        """A figure of the finished runs that have it."""
        return [each.figures[name] for each in self.finished if name in each.figures]


def used_rate(figures: Mapping[str, float]) -> float | None:
    """Bits per second that codes carry at most: their entropy, or the KL of a posterior."""
    return figures.get(UNIGRAM, figures.get(KL))


def grouped(rows: Sequence[Row]) -> list[Group]:
    """Groups over seeds, in the order of their first runs; a run that never began has none."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.result.config:
            groups.setdefault(without_seed(row.settings), []).append(row)
    return [
        Group({key: value for key, value in own[0].settings.items() if key != SEED}, own)
        for own in groups.values()
    ]
