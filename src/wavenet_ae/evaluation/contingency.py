"""Counts of frames by unit and label, which plots of units show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wavenet_ae.evaluation.results import ResultTable, Value

LABEL = "label/"  # before the name of a label, in the name of its column
OTHER, UNLABELED = "num_other_labels", "num_unlabeled"
MOST_UNITS = 1024  # of one system, and
MOST_LABELS = 128  # that have a row and a column of their own


@dataclass(frozen=True)
class UnitCounts:
    """Counts of one system of units.

    Attributes:
        by_label: (K, L) int64 frames of each unit with each label.
        frames: (K,) int64 all frames of each unit, also those without a label that counts.
    """

    by_label: np.ndarray
    frames: np.ndarray


def unit_usage(counts: Mapping[str, UnitCounts]) -> ResultTable:
    """Returns the table `unit_usage`: how many units a system has, and how many of them occur."""
    return ResultTable(
        "unit_usage",
        ["system"],
        [
            {
                "system": system,
                "num_units": len(each.frames),
                "num_used": int((each.frames > 0).sum()),
                "num_frames": int(each.frames.sum()),
            }
            for system, each in counts.items()
        ],
    )


def contingency(counts: Mapping[str, UnitCounts], inventory: Sequence[str]) -> ResultTable:
    """Returns the table `contingency`: frames of each unit, by the label at their anchor.

    Of more than 1024 units the most frequent have a row, of more than 128 labels the most frequent
    a column.

    Args:
        counts: Counts by system.
        inventory: Names of the L labels.
    """
    total = sum(each.by_label.sum(axis=0) for each in counts.values())
    labels = np.sort(np.argsort(-np.asarray(total), kind="stable")[:MOST_LABELS])
    columns = [f"{LABEL}{name}" for name in inventory]
    rows = [row for system, each in counts.items() for row in _rows(system, each, labels, columns)]
    return ResultTable("contingency", ["system", "unit"], rows)


def _rows(
    system: str, counts: UnitCounts, labels: np.ndarray, columns: Sequence[str]
) -> Iterator[dict[str, Value]]:
    """Rows that add up to the frames of their units, with the labels (M,) of all L."""
    for unit in np.sort(np.argsort(-counts.frames, kind="stable")[:MOST_UNITS]).tolist():
        by_label, num_frames = counts.by_label[unit], int(counts.frames[unit])
        num_labeled, num_named = int(by_label.sum()), int(by_label[labels].sum())
        row: dict[str, Value] = {"system": system, "unit": unit}
        row |= {columns[label]: int(by_label[label]) for label in labels.tolist()}
        if len(labels) < len(columns):
            row[OTHER] = num_labeled - num_named
        yield {**row, UNLABELED: num_frames - num_labeled}
