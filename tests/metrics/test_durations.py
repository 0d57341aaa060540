"""Runs of equal codes."""

from __future__ import annotations

import numpy as np
import pytest

from wavenet_ae.metrics.durations import RunLengths, unit_durations


def runs_of(*recordings) -> RunLengths:
    runs = RunLengths.none()
    for codes in recordings:
        runs = runs.added(np.array(codes))
    return runs


def test_durations_of_runs_by_hand():
    runs = runs_of([3, 3, 3, 1, 1, 3], [3, 0, 0, 0, 0, 0], [])
    assert runs.counts.tolist() == [0, 2, 1, 1, 0, 1]  # no run continues in the next recording
    durations = unit_durations(runs, 20.0)
    assert durations.num_runs == 5
    assert durations.mean == pytest.approx(20 * 12 / 5)
    assert durations.median == 40
    assert durations.percentiles == {5: 20, 25: 20, 75: 60, 95: 100}
    assert durations.single_runs == pytest.approx(2 / 5)
    assert durations.single_codes == pytest.approx(2 / 12)


def test_percentiles_agree_with_numpy():
    rng = np.random.default_rng(0)
    lengths = rng.geometric(0.2, 501)
    codes = np.repeat(np.arange(len(lengths)) % 2, lengths)
    durations = unit_durations(runs_of(codes), 1.0)
    assert durations.mean == pytest.approx(lengths.mean())
    for percent, length in {50: durations.median, **durations.percentiles}.items():
        assert length == np.percentile(lengths, percent, method="inverted_cdf")


def test_a_percentile_is_the_least_length_that_its_share_of_runs_does_not_exceed():
    runs = RunLengths(np.array([0] + [1] * 100))  # one run of each length up to 100
    durations = unit_durations(runs, 1.0)
    assert durations.median == 50
    assert durations.percentiles == {5: 5, 25: 25, 75: 75, 95: 95}


def test_a_constant_code_is_one_run():
    durations = unit_durations(runs_of(np.full(50, 7)), 20.0)
    assert (durations.mean, durations.num_runs, durations.single_runs) == (1000, 1, 0)


def test_codes_of_several_codebooks_are_equal_where_all_are():
    assert runs_of([[1, 2], [1, 2], [1, 3]]).counts.tolist() == [0, 1, 1]


def test_runs_add_up():
    both = runs_of([1, 1]) + runs_of([1, 2, 2, 2])
    assert both.counts.tolist() == [0, 1, 1, 1]


def test_without_codes_there_are_no_durations():
    with pytest.raises(ValueError, match="no codes"):
        unit_durations(RunLengths.none(), 20.0)
