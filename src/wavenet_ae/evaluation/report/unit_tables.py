"""How often units meet labels, as an evaluation has counted it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wavenet_ae.evaluation.parts.contingency import (
    OTHER,
    PART,
    UNIT,
    UNITS,
    UNLABELED,
    frames_of,
    number_of,
    used_of,
)
from wavenet_ae.evaluation.report.reading import Judged

NO_LABELS = (UNITS, UNIT, OTHER, UNLABELED)


@dataclass(frozen=True)
class UnitTable:
    """kind      of the units; there are `num_units`, `num_used` of which occur in `num_frames`
    units     (U,) those that have a row, which are the most frequent where there are many
    labels    L names
    counts    (U, L) frames of each unit and label
    labeled  (U,) frames with any label
    frames    (U,) all frames
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


def unit_tables(judged: Judged) -> list[UnitTable]:
    """The model's own units first; none where they were not counted."""
    findings = judged.part(PART)
    if findings is None:
        return []
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for row in findings.rows:
        by_kind.setdefault(str(row[UNITS]), []).append(row)
    return [_table(kind, rows, findings.settings) for kind, rows in by_kind.items()]


def _table(kind: str, rows: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> UnitTable:
    labels = [name for name in rows[0] if name not in NO_LABELS]
    counts = np.array([[row[name] for name in labels] for row in rows], np.int64)
    labeled = counts.sum(axis=1) + [row.get(OTHER, 0) for row in rows]
    return UnitTable(
        kind=kind,
        num_units=settings[number_of(kind)],
        num_used=settings[used_of(kind)],
        num_frames=settings[frames_of(kind)],
        units=np.array([row[UNIT] for row in rows]),
        labels=labels,
        counts=counts,
        labeled=labeled,
        frames=labeled + [row[UNLABELED] for row in rows],
    )
