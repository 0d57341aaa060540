"""Seeded results are what they were: losses, codes, samples of each engine, an evaluation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from helpers.golden import FILE, figures, machine


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers(each)]
    return [float(value)]


@pytest.mark.slow
def test_seeded_results_are_those_on_record(tmp_path):
    """Bit by bit on a machine like the one that recorded them, to rounding on another."""
    recorded = json.loads(FILE.read_text())
    is_same_machine = recorded.pop("machine") == machine()
    found = json.loads(json.dumps(figures(tmp_path / "runs", tmp_path / "cache")))
    assert found.keys() == recorded.keys()
    for name, value in recorded.items():
        left, right = np.array(numbers(found[name])), np.array(numbers(value))
        assert left.shape == right.shape, name
        if is_same_machine:
            assert np.array_equal(left, right, equal_nan=True), name
        elif name == "codes":
            assert np.mean(left == right) > 0.9
        elif name.startswith(("loss", "weights", "evaluation likelihood")):
            np.testing.assert_allclose(left, right, rtol=5e-3, err_msg=name)
