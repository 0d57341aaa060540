"""Residual finite scalar quantization against a search through all sums of levels."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from helpers.quantizing import latents, projected

from wavenet_ae.bottlenecks import ResidualFSQ


def rfsq(levels: list[int], num_codebooks: int, **settings) -> ResidualFSQ:
    torch.manual_seed(0)
    return ResidualFSQ(input_dim=4, levels=levels, num_codebooks=num_codebooks, **settings).eval()


def fine_levels(levels: int, stages: int) -> torch.Tensor:
    """Every sum of one level of each stage of a dimension."""
    steps = [torch.linspace(-1, 1, levels) * levels**-stage for stage in range(stages)]
    return torch.tensor([sum(each) for each in product(*(step.tolist() for step in steps))])


@pytest.mark.parametrize(("levels", "stages"), [([3, 2], 2), ([8, 5, 3], 2), ([2, 4], 3)])
def test_the_sum_of_the_stages_is_the_nearest_of_all_sums(levels, stages):
    bottleneck = rfsq(levels, stages)
    given = latents(codes=60) * torch.linspace(0.1, 5, 60)  # into the tails of the tanh
    z = projected(bottleneck, given)
    vectors = bottleneck(given).vectors
    for dim, number in enumerate(levels):
        bound = 1 + 1 / (number - 1)
        bounded = (z[:, dim] / bound).tanh() * bound
        sums = fine_levels(number, stages)
        assert len(sums) == number**stages
        distance = (bounded[..., None] - sums).abs()
        torch.testing.assert_close(
            (bounded - vectors[:, dim]).abs(), distance.min(dim=-1).values, rtol=0, atol=1e-6
        )


def test_levels_of_all_stages_are_equally_far_apart():
    for levels, stages in ((3, 2), (2, 3), (8, 2)):
        gaps = fine_levels(levels, stages).sort().values.diff()
        torch.testing.assert_close(gaps, gaps[:1].expand_as(gaps), rtol=1e-4, atol=0)


def test_every_code_comes_back():
    bottleneck = rfsq([3, 2], 2)
    assert (bottleneck.codebook_size, bottleneck.num_codebooks, bottleneck.dim) == (6, 2, 2)
    codes = torch.tensor(list(product(range(6), repeat=2))).t()[None]  # (1, H, 36)
    vectors = bottleneck.decode(codes)
    bound = bottleneck.bound[:, None]
    assert len(vectors[0].t().unique(dim=0)) == 36
    again = bottleneck.quantize((vectors / bound).atanh() * bound)
    assert torch.equal(again, codes)


def test_gradient_passes_the_rounding_but_not_the_bounds():
    bottleneck = rfsq([3, 2], 2)
    weights = torch.randn(5, 2, 8)
    given, smooth = (latents().requires_grad_() for _ in range(2))
    output = bottleneck(given)
    (output.vectors * weights).sum().backward()
    bound = torch.tensor([1.5, 2.0])[:, None]
    ((projected(bottleneck, smooth) / bound).tanh() * bound * weights).sum().backward()
    torch.testing.assert_close(given.grad, smooth.grad)
    assert not output.losses


def test_the_start_changes_values_by_rounding_only():
    bottleneck = rfsq([4, 3], 2, start_after=5)
    before = bottleneck(latents(codes=100)).vectors
    bottleneck.begin_quantizing(latents(), seed=0)
    after = bottleneck(latents(codes=100)).vectors
    half_cells = torch.tensor([1 / 3 / 4, 1 / 2 / 3])[:, None]
    assert ((before - after).abs() <= half_cells + 1e-6).all() and not torch.equal(before, after)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"levels": []}, "levels is"),
        ({"levels": [4, 1]}, "levels is"),
        ({"num_codebooks": 1}, "num_codebooks is 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, problem):
    with pytest.raises(ValueError, match=problem):
        rfsq(**{"levels": [3, 3], "num_codebooks": 2, **settings})
