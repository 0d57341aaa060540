"""Keyed random numbers: the same everywhere, and unrelated between keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavenet_ae.randomness import (
    keyed_bits,
    keyed_normal,
    keyed_permutation,
    keyed_seed,
    keyed_uniform,
)

parts = st.lists(st.integers() | st.text(max_size=5), max_size=4).map(tuple)


def test_golden_numbers():
    """Resumed runs and published figures depend on these: they may never change."""
    assert keyed_seed(0, "training", 3) == 6267959781089002393
    assert keyed_bits(2, 0, "bits").tolist() == [4355682307711046691, 7990861897561639116]
    assert keyed_permutation(8, 0, "permutation").tolist() == [2, 3, 4, 6, 0, 1, 7, 5]
    assert keyed_uniform((3,), 0, "uniform").tolist() == [
        0.18913233280181885,
        0.3005927801132202,
        0.16022992134094238,
    ]
    normal = keyed_normal((3,), 0, "normal")
    np.testing.assert_allclose(
        normal, [-2.7890732288360596, -0.7316127419471741, 0.3251590132713318], rtol=1e-7
    )


@given(parts, parts)
def test_different_keys_give_different_seeds(one, other):
    assert (keyed_seed(*one) == keyed_seed(*other)) == (one == other)


def test_keys_cannot_run_into_each_other():
    keys = [(), (1,), ("1",), (1, 1), (11,), ("ab", "c"), ("a", "bc"), ("abc",), ("i1:1",)]
    keys += [("a", ""), ("as",), ("as0:",)]
    seeds = {keyed_seed(*key) for key in keys}
    assert len(seeds) == len(keys)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_numpy_integers_are_integers_and_fractions_are_refused():
    assert keyed_seed(np.int64(7), "x") == keyed_seed(7, "x")
    with pytest.raises(TypeError):
        keyed_seed(0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [keyed_uniform, keyed_normal])
def test_a_draw_depends_on_its_key_alone(draw):
    first = draw((4, 3), 5, "noise")
    np.random.seed(1)
    draw((9,), 5, "other")
    again = draw((4, 3), 5, "noise")
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32 and first.shape == (4, 3)
    # Items keep their numbers when more of them are drawn.
    np.testing.assert_array_equal(draw((6, 3), 5, "noise")[:4], first)


@pytest.mark.parametrize("draw", [keyed_uniform, keyed_normal])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,), (1, 7, 3)])
def test_numbers_have_the_shape_that_was_asked_for(draw, shape):
    assert draw(shape, 0).shape == shape


def test_uniform_numbers_are_uniform():
    uniform = keyed_uniform((200_000,), 0, "uniform")
    assert uniform.min() >= 0 and uniform.max() < 1
    counts, _ = np.histogram(uniform, bins=50, range=(0, 1))
    # Standard deviation of a count is sqrt(200000 / 50 * 49 / 50) = 62.6.
    assert np.abs(counts - 4000).max() < 5 * 62.6


def test_the_largest_uniform_number_stays_below_one(monkeypatch):
    all_ones = np.full(4, 2**64 - 1, dtype=np.uint64)
    monkeypatch.setattr("wavenet_ae.randomness.keyed_bits", lambda size, *parts: all_ones[:size])
    assert keyed_uniform((2,), 0).max() == 1 - 2**-24


def test_normal_numbers_are_finite_for_any_bits(monkeypatch):
    for bits in (0, 2**64 - 1):
        raw = np.full(2, bits, dtype=np.uint64)
        monkeypatch.setattr("wavenet_ae.randomness.keyed_bits", lambda size, *_, raw=raw: raw)
        assert np.isfinite(keyed_normal((2,), 0)).all()


def test_normal_numbers_are_normal():
    normal = keyed_normal((200_000,), 0, "normal").astype(np.float64)
    assert abs(normal.mean()) < 5 / 200_000**0.5
    assert abs(normal.var() - 1) < 5 * (2 / 200_000) ** 0.5
    assert abs((normal**4).mean() - 3) < 5 * (96 / 200_000) ** 0.5
    # Both numbers of a pair come from the same radius, and must not show it.
    assert abs(np.corrcoef(normal[::2], normal[1::2])[0, 1]) < 5 / 100_000**0.5


@pytest.mark.parametrize("draw", [keyed_uniform, keyed_normal])
def test_neighboring_keys_are_independent(draw):
    draws = np.stack([draw((20_000,), 0, step, "noise") for step in range(6)])
    correlations = np.corrcoef(draws)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 5 / 20_000**0.5


@given(st.integers(0, 200))
def test_a_permutation_has_every_number_once(size):
    permutation = keyed_permutation(size, 0, "permutation")
    assert sorted(permutation.tolist()) == list(range(size))


def test_permutations_reach_every_order_equally_often():
    orders = [tuple(keyed_permutation(3, seed).tolist()) for seed in range(3000)]
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6
    assert np.abs(counts - 500).max() < 5 * 20.4  # sqrt(3000 * 1/6 * 5/6)
