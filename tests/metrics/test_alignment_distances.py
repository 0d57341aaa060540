"""Distances along the best alignment, beside those of all alignments."""

from __future__ import annotations

import numpy as np
import pytest

from wavenet_ae.metrics import alignment_distances
from wavenet_ae.metrics.alignment_distances import Sequences, aligned_distances, mean_along_path


def all_paths(rows: int, columns: int):
    """All paths from (0, 0) to the last row and column."""
    if rows == columns == 1:
        return [[(0, 0)]]
    steps = [(rows - 1, columns - 1), (rows - 1, columns), (rows, columns - 1)]
    before = [path for row, column in steps if row and column for path in all_paths(row, column)]
    return [[*path, (rows - 1, columns - 1)] for path in before]


def test_the_path_is_the_cheapest_of_all_and_its_cost_is_divided_by_its_length():
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(1, 5, 40), rng.integers(1, 5, 40)
    costs = rng.random((40, 4, 4))
    found = mean_along_path(costs, rows, columns)
    for pair in range(40):
        paths = all_paths(rows[pair], columns[pair])
        best = min(paths, key=lambda path: sum(costs[pair][at] for at in path))
        mean = np.mean([costs[pair][at] for at in best])
        assert found[pair] == pytest.approx(mean, abs=1e-12)


def test_of_paths_of_the_same_cost_the_one_with_diagonal_steps_counts():
    costs = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # 2 by 2 frames: diagonal 2 / 2, beside 2 / 3
    assert mean_along_path(costs, np.array([2]), np.array([2]))[0] == 1


def test_angles_are_in_half_turns_and_units_are_identical_or_not():
    vectors = [np.array([[2.0, 0]]), np.array([[0, 3.0]]), np.array([[-1.0, 0], [-1, 0]])]
    angles = aligned_distances(Sequences.of(vectors, "angular"), np.zeros(3, int), np.arange(3))
    assert angles == pytest.approx([0, 0.5, 1])
    units = Sequences.of([np.array([[1], [2]]), np.array([[1], [1], [3]])], "identical")
    assert aligned_distances(units, np.array([0]), np.array([1])) == pytest.approx([1 / 3])


def test_batches_and_padding_do_not_change_distances(monkeypatch):
    rng = np.random.default_rng(0)
    frames = [rng.standard_normal((length, 3)) for length in rng.integers(1, 12, 30)]
    sequences = Sequences.of(frames, "angular")
    rows, columns = (each.ravel() for each in np.mgrid[:30, :30])
    whole = aligned_distances(sequences, rows, columns)
    monkeypatch.setattr(alignment_distances, "PAIRS_AT_ONCE", 1)
    alone = aligned_distances(sequences, rows, columns)
    assert np.array_equal(whole, alone)
    assert np.array_equal(whole.reshape(30, 30).diagonal(), np.zeros(30)), "equal: exactly 0"


def test_vectors_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        Sequences.of([np.array([[np.nan, 1]])], "angular")
