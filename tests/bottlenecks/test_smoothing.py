"""The duration-penalized path: the cheapest of all, offline and with a bounded delay."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavenet_ae.bottlenecks.smoothing import (
    CheapestPath,
    StreamingPath,
    in_margins,
    mean_margin,
    smoothed_codes,
)


def price(costs: np.ndarray, codes, change_cost: float) -> float:
    codes = np.asarray(codes)
    return costs[np.arange(len(codes)), codes].sum() + change_cost * (codes[1:] != codes[:-1]).sum()


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(1, 4), st.floats(0, 3), st.integers(0, 2**32 - 1))
def test_no_other_path_is_cheaper(num_frames, num_codes, change_cost, seed):
    costs = np.random.default_rng(seed).random((num_frames, num_codes))
    found = smoothed_codes(costs, change_cost)
    all_paths = product(range(num_codes), repeat=num_frames)
    least = min(price(costs, path, change_cost) for path in all_paths)
    assert price(costs, found, change_cost) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize(
    ("change_cost", "delay"), [(0, 0), (0.3, 20), (0.3, 400), (1, 80), (5, 400)]
)
def test_with_enough_delay_the_streaming_path_is_the_whole_one(change_cost, delay):
    costs = np.random.default_rng(0).random((400, 12))
    whole = smoothed_codes(costs, change_cost)
    path = StreamingPath(change_cost, delay)
    pieces = [path.extend(piece) for piece in np.array_split(costs, 17)]
    assert sum(map(len, pieces)) == 400 - delay, "as late as the delay, and no later"
    assert np.array_equal(np.concatenate([*pieces, path.finish()]), whole)


def test_with_less_delay_codes_are_those_of_the_frames_heard_so_far():
    costs = np.random.default_rng(0).random((60, 5))
    for delay in (0, 1, 4):
        path = StreamingPath(0.6, delay)
        found = np.concatenate([path.extend(costs), path.finish()])
        known = [smoothed_codes(costs[: frame + delay + 1], 0.6)[frame] for frame in range(60)]
        assert found.tolist() == known
    without = np.concatenate([StreamingPath(0.6, 0).extend(costs)])
    assert (without != smoothed_codes(costs, 0.6)).any(), "a delay of 0 does not suffice here"


def test_pieces_do_not_change_the_path():
    costs = np.random.default_rng(1).random((300, 20)).astype(np.float32)
    path = CheapestPath(0.4)
    for piece in np.array_split(costs, 11):
        path.extend(piece)
    assert np.array_equal(path.codes(), smoothed_codes(costs, 0.4))


def test_without_a_price_each_frame_has_its_nearest_code_and_a_high_one_allows_no_change():
    costs = np.random.default_rng(2).random((200, 9))
    assert np.array_equal(smoothed_codes(costs, 0), costs.argmin(axis=1))
    assert np.array_equal(np.unique(smoothed_codes(costs, 1e6)), [costs.sum(axis=0).argmin()])


def test_changes_get_fewer_as_they_get_dearer():
    costs = np.random.default_rng(3).random((500, 16))
    changes = [(np.diff(smoothed_codes(costs, price)) != 0).sum() for price in (0, 0.1, 0.3, 1)]
    assert changes == sorted(changes, reverse=True) and changes[-1] < changes[0] / 2


def test_costs_in_margins_do_not_depend_on_their_unit():
    costs = np.array([[0.0, 1, 5], [4, 9, 7]])
    assert mean_margin(costs) == 2
    assert np.allclose(in_margins(costs), costs / 2)
    assert np.allclose(in_margins(70 * costs), in_margins(costs))
    same = np.ones((3, 2))
    assert np.array_equal(in_margins(same), same), "no margin, no unit"


def test_no_frames_have_no_codes():
    assert len(smoothed_codes(np.zeros((0, 3)), 2)) == 0
    assert len(StreamingPath(2, 3).finish()) == 0
    assert mean_margin(np.zeros((0, 3))) == 0


@pytest.mark.parametrize("change_cost", [-1, np.inf, np.nan])
def test_a_price_that_is_none_is_refused(change_cost):
    with pytest.raises(ValueError, match="at least 0"):
        smoothed_codes(np.zeros((3, 2)), change_cost)


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="delay is -1"):
        StreamingPath(1, -1)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        smoothed_codes(np.zeros(3), 1)
