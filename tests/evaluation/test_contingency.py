"""Counts of units and labels as tables."""

from __future__ import annotations

import numpy as np

from wavenet_ae.evaluation import contingency as module
from wavenet_ae.evaluation.contingency import UnitCounts, contingency, unit_usage


def test_each_unit_has_a_row_that_adds_up_to_its_frames():
    counts = UnitCounts(np.array([[3, 1], [0, 0]]), np.array([6, 0]))
    found = contingency({"codes": counts}, ["a", "b"])
    assert list(found.rows) == [
        {"system": "codes", "unit": 0, "label/a": 3, "label/b": 1, "num_unlabeled": 2},
        {"system": "codes", "unit": 1, "label/a": 0, "label/b": 0, "num_unlabeled": 0},
    ]
    (usage,) = unit_usage({"codes": counts}).rows
    assert usage == {"system": "codes", "num_units": 2, "num_used": 1, "num_frames": 6}
    assert all(type(value) in (int, str) for row in found.rows for value in row.values())


def test_the_most_frequent_have_rows_and_columns(monkeypatch):
    monkeypatch.setattr(module, "MOST_UNITS", 2)
    monkeypatch.setattr(module, "MOST_LABELS", 2)
    by_label = np.array([[1, 0, 2], [0, 0, 1], [4, 2, 4]])
    counts = UnitCounts(by_label, np.array([5, 1, 10]))
    found = contingency({"codes": counts, "kmeans_mfcc": counts}, ["a", "b", "c"])
    first, last, *baseline = found.rows
    assert first == {
        **{"system": "codes", "unit": 0},
        **{"label/a": 1, "label/c": 2, "num_other_labels": 0, "num_unlabeled": 2},
    }
    assert last["unit"] == 2 and last["num_other_labels"] == 2 and len(baseline) == 2


def test_labels_called_like_columns_have_columns_of_their_own():
    found = contingency({"codes": UnitCounts(np.array([[3, 1]]), np.array([4]))}, ["a", "unit"])
    assert found.rows[0]["unit"] == 0 and found.rows[0]["label/unit"] == 1
