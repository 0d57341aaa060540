"""Counts of units and labels as a table."""

from __future__ import annotations

import numpy as np

from wavenet_ae.evaluation.parts import contingency as unit_counts
from wavenet_ae.evaluation.parts.contingency import UnitCounts, code_by_phone, column_names


def test_each_unit_has_a_row_that_adds_up_to_its_frames():
    counts = UnitCounts(np.array([[3, 1], [0, 0]]), np.array([6, 0]))
    found = code_by_phone({"codes": counts}, ["a", "b"])
    assert list(found.rows) == [
        {"units": "codes", "unit": 0, "a": 3, "b": 1, "no label": 2},
        {"units": "codes", "unit": 1, "a": 0, "b": 0, "no label": 0},
    ]
    assert found.settings == {"codes: units": 2, "codes: used": 1, "codes: frames": 6}
    assert all(type(value) in (int, str) for row in found.rows for value in row.values())


def test_the_most_frequent_have_rows_and_columns(monkeypatch):
    monkeypatch.setattr(unit_counts, "MOST_UNITS", 2)
    monkeypatch.setattr(unit_counts, "MOST_LABELS", 2)
    by_label = np.array([[1, 0, 2], [0, 0, 1], [4, 2, 4]])
    counts = UnitCounts(by_label, np.array([5, 1, 10]))
    found = code_by_phone({"codes": counts, "k-means on MFCC": counts}, ["a", "b", "c"])
    first, last, *baseline = found.rows
    assert first == {
        **{"units": "codes", "unit": 0},
        **{"a": 1, "c": 2, "other labels": 0, "no label": 2},
    }
    assert last["unit"] == 2 and last["other labels"] == 2 and len(baseline) == 2
    assert found.settings["codes: used"] == 3 and found.settings["codes: frames"] == 16


def test_labels_called_like_columns_are_told_apart():
    assert column_names(["a", "unit", "unit'"]) == ["a", "unit'", "unit''"]
