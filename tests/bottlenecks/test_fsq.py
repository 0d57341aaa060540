"""Finite scalar quantization against a search through all codes."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from helpers.quantizing import latents, projected

from wavenet_ae.bottlenecks import FSQ

LEVELS = [8, 5, 3]


def fsq() -> FSQ:
    torch.manual_seed(0)
    return FSQ(input_dim=4, levels=LEVELS).double().eval()


def bounded(z: torch.Tensor) -> torch.Tensor:
    """(B, D, N) in units of levels, as in the paper's appendix A.1."""
    columns = []
    for column, levels in zip(z.unbind(dim=1), LEVELS, strict=True):
        half = (levels - 1) * (1 + 1e-3) / 2
        offset = 0.0 if levels % 2 else 0.5
        shift = torch.tensor(offset / half).atanh()
        columns.append((column + shift).tanh() * half - offset)
    return torch.stack(columns, dim=1)


def test_codes_are_the_nearest_of_all():
    bottleneck = fsq()
    z = 2 * latents(codes=40).double()
    grid = [torch.arange(levels) - levels // 2 for levels in LEVELS]
    corners = torch.tensor(list(product(*(axis.tolist() for axis in grid)))).double()  # (K, D)
    rows = bounded(projected(bottleneck, z)).transpose(1, 2).flatten(0, 1)  # (V, D)
    nearest = corners[torch.cdist(rows, corners).argmin(dim=1)]
    half_widths = torch.tensor([levels // 2 for levels in LEVELS])
    vectors = bottleneck(z).vectors.transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(vectors, nearest / half_widths, check_dtype=False)


def test_each_code_has_a_vector_of_its_own():
    bottleneck = fsq()
    assert (bottleneck.codebook_size, bottleneck.dim) == (8 * 5 * 3, 3)
    vectors = bottleneck.decode(torch.arange(8 * 5 * 3)[None])[0].t()  # (K, D)
    assert len(vectors.unique(dim=0)) == 8 * 5 * 3


def test_gradient_passes_the_rounding_but_not_the_bounds():
    bottleneck = fsq()
    weights = torch.randn(5, 3, 8, dtype=torch.float64)
    given, smooth = (latents().double().requires_grad_() for _ in range(2))
    output = bottleneck(given)
    (output.vectors * weights).sum().backward()
    half_widths = torch.tensor([levels // 2 for levels in LEVELS])[:, None]
    (bounded(projected(bottleneck, smooth)) / half_widths * weights).sum().backward()
    torch.testing.assert_close(given.grad, smooth.grad, rtol=1e-5, atol=1e-7)
    assert not output.losses


@pytest.mark.parametrize("levels", [[8], [3, 4, 5, 7, 8], [16, 9]])
def test_the_start_changes_values_by_rounding_only(levels):
    torch.manual_seed(0)
    bottleneck = FSQ(input_dim=4, levels=levels, start_after=5).double().eval()
    given = latents(codes=400).double() * torch.linspace(0.1, 9, 400)  # into the tails of the tanh
    before = bottleneck(given).vectors
    bottleneck.begin_quantizing(given, seed=0)
    after = bottleneck(given).vectors
    half_widths = torch.tensor([each // 2 for each in levels])[:, None]
    torch.testing.assert_close((before * half_widths).round(), after * half_widths)
    assert len(after.unique()) > 2 and not torch.equal(before, after)


def test_bounds_before_the_start_are_those_of_the_levels():
    bottleneck = FSQ(input_dim=1, levels=[8], start_after=5)
    torch.nn.init.ones_(bottleneck.project.linear.weight)
    torch.nn.init.zeros_(bottleneck.project.linear.bias)
    vectors = bottleneck(torch.tensor([[[-20.0, 0.0, 3.0, 20.0]]])).vectors.flatten()
    # levels -4..3 of 4, and a thousandth of the range beyond
    torch.testing.assert_close(vectors, torch.tensor([-1.0, 0.0, 0.75, 0.75]), rtol=0, atol=6e-3)


@pytest.mark.parametrize("levels", [[], [4, 2]])
def test_levels_that_are_none_are_refused(levels):
    with pytest.raises(ValueError, match="levels is"):
        FSQ(input_dim=4, levels=levels)
