"""Seeded results are what they were: losses, codes, samples of each engine, an evaluation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from helpers.golden import (
    COVERING,
    FILE,
    PAIRS,
    Pair,
    autoencoder_figures,
    figures,
    loss_of,
    machine,
)


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers(each)]
    return [float(value)]


@pytest.fixture
def others() -> list[Pair]:
    """Pairs of a bottleneck and an encoder beside those that cover both families."""
    return [pair for pair in PAIRS if pair not in COVERING]


@pytest.fixture(autouse=True)
def shared(cache, monkeypatch) -> None:
    """The cache of all tests, where the native engine is compiled once."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))


@pytest.mark.slow
def test_seeded_results_are_those_on_record(cache, tmp_path, others):
    found = figures(tmp_path / "runs", cache, COVERING)
    recorded = json.loads(FILE.read_text())
    assert found.keys() == recorded.keys() - {"machine", *(loss_of(*pair) for pair in others)}
    assert_recorded(found)


@pytest.mark.long
def test_seeded_losses_of_every_other_pair_are_those_on_record(tmp_path, others):
    found = dict(autoencoder_figures(tmp_path, others))
    assert found.keys() == {loss_of(*pair) for pair in others}
    assert_recorded(found)


def assert_recorded(found: dict[str, Any]) -> None:
    """Bit by bit on a machine like the one that recorded them, to rounding on another."""
    recorded = json.loads(FILE.read_text())
    is_same_machine = recorded["machine"] == machine()
    for name, value in json.loads(json.dumps(found)).items():
        left, right = np.array(numbers(value)), np.array(numbers(recorded[name]))
        assert left.shape == right.shape, name
        if is_same_machine:
            assert np.array_equal(left, right, equal_nan=True), name
        elif name == "codes":
            assert np.mean(left == right) > 0.9
        elif name.startswith(("loss", "weights", "evaluation likelihood")):
            np.testing.assert_allclose(left, right, rtol=5e-3, err_msg=name)
