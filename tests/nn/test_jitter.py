"""Time jitter against its definition."""

from __future__ import annotations

import torch

from wavenet_ae.nn.conditioning import jitter, jitter_sources


def uniform(batch: int, codes: int) -> torch.Tensor:
    return torch.rand(batch, codes, generator=torch.Generator().manual_seed(0))


def test_jitter_moves_codes_by_one_at_the_given_rate():
    draws = uniform(200, 500)
    shift = jitter_sources(draws, 0.12) - torch.arange(500)
    assert set(shift.unique().tolist()) == {-1, 0, 1}
    moved = (shift != 0).float().mean().item()
    assert abs(moved - 0.117) < 0.002  # 0.12 less the third copies, 0.06 * 0.88 * 0.06 of them
    assert abs((shift == 1).float().mean() - (shift == -1).float().mean()) < 0.006


def test_no_code_is_heard_three_times():
    sources = jitter_sources(uniform(100, 400), 0.8)
    tripled = (sources[:, 2:] == sources[:, 1:-1]) & (sources[:, 1:-1] == sources[:, :-2])
    assert not tripled.any()


def test_jitter_uses_no_code_three_times_in_a_row():
    right, stay, left = 0.99, 0.5, 0.01
    draws = torch.tensor([[stay, right, stay, left, stay]])
    assert jitter_sources(draws, 0.12).tolist() == [[0, 2, 2, 3, 4]]


def test_ends_are_clamped():
    assert jitter_sources(torch.tensor([[0.0, 0.5, 0.999]]), 0.12).tolist() == [[0, 1, 2]]


def test_vectors_move_whole_and_zero_probability_moves_none():
    vectors = torch.arange(2 * 3 * 9.0).view(2, 3, 9)
    draws = uniform(2, 9)
    moved = jitter(vectors, draws, 0.9)
    sources = jitter_sources(draws, 0.9)
    for item in range(2):
        assert torch.equal(moved[item], vectors[item][:, sources[item]])
    assert torch.equal(jitter(vectors, draws, 0.0), vectors)
