"""How often each unit meets each label: what pictures of units are drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wavenet_ae.evaluation.results import ResultTable, Value

PART = "code_by_phone"
UNITS, UNIT, OTHER, UNLABELED = "units", "unit", "other labels", "no label"
MOST_UNITS = 1024  # of one kind, and
MOST_LABELS = 128  # that have a row and a column of their own


@dataclass(frozen=True)
class UnitCounts:
    """by_label  (K, L) int64: frames of each unit that have each label
    frames    (K,) int64: all frames of each unit, also those without a label that counts
    """

    by_label: np.ndarray
    frames: np.ndarray


def number_of(name: str) -> str:
    """The setting that says how many units of a kind there are."""
    return f"{name}: units"


def frames_of(name: str) -> str:
    """The setting that says how many frames were counted of a kind of units."""
    return f"{name}: frames"


def used_of(name: str) -> str:
    """The setting that says how many units of a kind occur."""
    return f"{name}: used"


def code_by_phone(counts: Mapping[str, UnitCounts], inventory: Sequence[str]) -> ResultTable:
    """Of kinds of units by their names, and the names of the L labels."""
    total = sum(each.by_label.sum(axis=0) for each in counts.values())
    labels = np.sort(np.argsort(-np.asarray(total), kind="stable")[:MOST_LABELS])
    settings: dict[str, Value] = {}
    for name, each in counts.items():
        settings |= {
            number_of(name): len(each.frames),
            used_of(name): int((each.frames > 0).sum()),
            frames_of(name): int(each.frames.sum()),
        }
    return ResultTable(
        part=PART,
        title="How often each unit meets each label",
        about=(
            f"Frames, by the label at their anchor.  Of more than {MOST_UNITS} units the most "
            f"frequent have a row, of more than {MOST_LABELS} labels the most frequent a column."
        ),
        rows=[
            row
            for name, each in counts.items()
            for row in _rows(name, each, labels, column_names(inventory))
        ],
        settings=settings,
        is_detail=True,
    )


def column_names(inventory: Sequence[str]) -> list[str]:
    """Labels, with a prime where they are called like a column that is none."""
    names = [UNITS, UNIT, OTHER, UNLABELED]
    for label in inventory:
        while label in names:
            label += "'"
        names.append(label)
    return names[4:]


def _rows(
    name: str, counts: UnitCounts, labels: np.ndarray, columns: Sequence[str]
) -> Iterator[dict[str, Value]]:
    """Of labels (M,) among the L; rows that add up to the frames of their units."""
    for unit in np.sort(np.argsort(-counts.frames, kind="stable")[:MOST_UNITS]).tolist():
        by_label, num_frames = counts.by_label[unit], int(counts.frames[unit])
        num_labeled, num_named = int(by_label.sum()), int(by_label[labels].sum())
        row: dict[str, Value] = {UNITS: name, UNIT: unit}
        row |= {columns[label]: int(by_label[label]) for label in labels.tolist()}
        if len(labels) < len(columns):
            row[OTHER] = num_labeled - num_named
        yield {**row, UNLABELED: num_frames - num_labeled}
