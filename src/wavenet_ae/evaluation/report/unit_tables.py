"""Counts of units and labels of a result, which plots show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wavenet_ae.evaluation.contingency import LABEL, OTHER, UNLABELED
from wavenet_ae.evaluation.report.words import cell_words
from wavenet_ae.evaluation.results import EvaluationResult


@dataclass(frozen=True)
class UnitTable:
    """Counts of one system of units.

    Attributes:
        kind: The system, in words.
        num_units: Number of units.
        num_used: Number of units that occur.
        num_frames: Number of frames.
        units: (U,) units that have a row, which are the most frequent where there are many.
        labels: L names.
        counts: (U, L) frames of each unit and label.
        labeled: (U,) frames with any label.
        frames: (U,) all frames.
    """

    kind: str
    num_units: int
    num_used: int
    num_frames: int
    units: np.ndarray
    labels: Sequence[str]
    counts: np.ndarray
    labeled: np.ndarray
    frames: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """(U',) of all frames, of the units that occur."""
        shares = self.frames / max(self.num_frames, 1)
        return shares[shares > 0]  # type: ignore[no-any-return]


def unit_tables(result: EvaluationResult) -> list[UnitTable]:
    """Counts of each system, the model's own first; none where they were not measured."""
    counts, usage = result.table("contingency"), result.table("unit_usage")
    if counts is None or usage is None:
        return []
    by_system: dict[str, list[Mapping[str, Any]]] = {}
    for row in counts.rows:
        by_system.setdefault(str(row["system"]), []).append(row)
    totals: Mapping[str, Mapping[str, Any]] = {str(row["system"]): row for row in usage.rows}
    return [_table(rows, totals[system]) for system, rows in by_system.items()]


def _table(rows: Sequence[Mapping[str, Any]], totals: Mapping[str, Any]) -> UnitTable:
    columns = [name for name in rows[0] if name.startswith(LABEL)]
    counts = np.array([[row[name] for name in columns] for row in rows], np.int64)
    labeled = counts.sum(axis=1) + [row.get(OTHER, 0) for row in rows]
    return UnitTable(
        kind=cell_words("system", totals["system"]),
        num_units=totals["num_units"],
        num_used=totals["num_used"],
        num_frames=totals["num_frames"],
        units=np.array([row["unit"] for row in rows]),
        labels=[name.removeprefix(LABEL) for name in columns],
        counts=counts,
        labeled=labeled,
        frames=labeled + [row[UNLABELED] for row in rows],
    )
