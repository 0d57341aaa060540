"""SimVQ against its definition."""

from __future__ import annotations

import pytest
import torch
from helpers.quantizing import latents, projected, step

from wavenet_ae.bottlenecks import SimVQ


def simvq(init: str = "uniform") -> SimVQ:
    torch.manual_seed(0)
    return SimVQ(input_dim=4, dim=3, codebook_size=9, init=init).train()


def codebook(bottleneck: SimVQ) -> torch.Tensor:
    """(K, D)"""
    library = bottleneck.mapped_codebook
    return library.frozen_codebook @ library.code_transform.weight.t()


def test_codes_are_the_nearest_of_the_mapped_codebook():
    bottleneck = simvq().double()
    z = latents(codes=40).double()
    codes = codebook(bottleneck)
    rows = projected(bottleneck, z).transpose(1, 2).flatten(0, 1)
    distances = torch.stack([(rows - code).square().sum(dim=1) for code in codes], dim=1)
    output = bottleneck(z)
    assert torch.equal(output.codes.flatten(), distances.argmin(dim=1))
    torch.testing.assert_close(output.vectors, codes[output.codes].transpose(1, 2))
    for name in ("commitment", "codebook"):
        expected = distances.min(dim=1).values.view(5, 40)
        torch.testing.assert_close(output.losses[name], expected)


@pytest.mark.parametrize("init", ["kmeans", "samples"])
def test_started_codes_are_encoder_outputs(init):
    bottleneck = simvq(init)
    bottleneck.begin_quantizing(latents(batch=40), seed=0)
    assert len(bottleneck.encode(latents(batch=40)).unique()) == 9
    z = projected(bottleneck, latents(batch=40)).transpose(1, 2).flatten(0, 1)
    to_nearest = torch.cdist(codebook(bottleneck), z).min(dim=1).values
    spread = (z - z.mean(dim=0)).norm(dim=1).mean()
    share = 0.01 if init == "samples" else 0.5
    assert to_nearest.max() < share * spread


def test_one_code_moves_all_and_the_frozen_codebook_stays():
    bottleneck = simvq()
    frozen, before = bottleneck.mapped_codebook.frozen_codebook.clone(), codebook(bottleneck)
    optimizer = torch.optim.SGD(bottleneck.parameters(), lr=0.5)
    output = bottleneck(latents(batch=1, codes=1), step())
    output.losses["codebook"].sum().backward()
    assert bottleneck.project.linear.weight.grad is None, "the codebook term moves W alone"
    optimizer.step()
    assert torch.equal(bottleneck.mapped_codebook.frozen_codebook, frozen)
    moved = (codebook(bottleneck) - before).norm(dim=1)
    assert moved.min() > 0


def test_gradient_of_the_vectors_is_straight_through():
    bottleneck = simvq()
    weights = torch.randn(5, 3, 8)
    given, direct = (latents().requires_grad_() for _ in range(2))
    (bottleneck(given).vectors * weights).sum().backward()
    (projected(bottleneck, direct) * weights).sum().backward()
    torch.testing.assert_close(given.grad, direct.grad)
    assert bottleneck.mapped_codebook.code_transform.weight.grad is None
