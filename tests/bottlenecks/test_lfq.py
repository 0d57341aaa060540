"""Lookup-free quantization against the corners of the hypercube."""

from __future__ import annotations

from itertools import product
from math import log

import pytest
import torch
import vector_quantize_pytorch
from helpers.quantizing import latents, projected, step

from wavenet_ae.bottlenecks import LFQ
from wavenet_ae.bottlenecks.lfq import entropy


def lfq(**settings) -> LFQ:
    torch.manual_seed(0)
    return LFQ(input_dim=4, num_bits=3, **settings).train()


def test_codes_are_the_nearest_corners():
    bottleneck = lfq().double()
    z = latents(codes=40).double()
    corners = torch.tensor(list(product((-1.0, 1.0), repeat=3))).double()  # (K, D)
    rows = projected(bottleneck, z).transpose(1, 2).flatten(0, 1)
    nearest = torch.cdist(rows, corners).argmin(dim=1).view(5, 40)
    output = bottleneck(z)
    assert torch.equal(output.codes, nearest)
    torch.testing.assert_close(output.vectors, corners[nearest].transpose(1, 2))
    distance = (projected(bottleneck, z) - corners[nearest].transpose(1, 2)).square().sum(dim=1)
    torch.testing.assert_close(output.losses["commitment"], distance)


@pytest.mark.parametrize("temperature", [0.01, 1.0])
def test_entropy_is_that_of_the_library(temperature):
    """Which is right as long as there is a single process."""
    bottleneck = lfq(temperature=temperature)
    z = projected(bottleneck, latents())
    library = vector_quantize_pytorch.LFQ(dim=3, codebook_size=8).train()
    _, parts = library(
        z.transpose(1, 2), inv_temperature=1 / temperature, return_loss_breakdown=True
    )
    expected = parts.per_sample_entropy - parts.batch_entropy
    torch.testing.assert_close(bottleneck.entropy_loss(z), expected)


def test_entropy_is_least_where_all_codes_are_used_and_sure():
    bottleneck = lfq()
    every = bottleneck.decode(torch.arange(8)[None])  # (1, D, K)
    assert bottleneck.entropy_loss(3 * every).item() == pytest.approx(-log(8), abs=1e-3)
    assert bottleneck.entropy_loss(3 * every[..., :1]).item() == pytest.approx(0, abs=1e-3)
    assert bottleneck.entropy_loss(0 * every).item() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("num_bits", [1, 9, 17, 18])
def test_entropy_of_the_uniform_distribution(num_bits):
    shares = torch.full((2**num_bits,), 2.0**-num_bits)
    assert entropy(shares).item() == pytest.approx(num_bits * log(2), rel=1e-5)


def test_entropy_of_many_codes():
    """Two latents, each sure of one bit and of no other, use half of the codes each."""
    bottleneck = LFQ(input_dim=4, num_bits=18)
    z = torch.zeros(1, 18, 2)
    z[0, 0] = torch.tensor([30.0, -30.0])
    z.requires_grad_()
    loss = bottleneck.entropy_loss(z)
    assert loss.item() == pytest.approx(-log(2), abs=1e-4)
    loss.backward()
    assert torch.isfinite(z.grad).all()


def test_the_gradient_lowers_the_entropy_loss():
    bottleneck = lfq()
    z = projected(bottleneck, latents()).detach().requires_grad_()
    before = bottleneck.entropy_loss(z)
    before.backward()
    assert bottleneck.entropy_loss(z.detach() - z.grad) < before - 1e-3


def test_entropy_has_a_finite_gradient_and_is_for_training():
    bottleneck = lfq(temperature=0.001)
    given = (100 * latents()).requires_grad_()
    bottleneck(given, step()).losses["entropy"].backward()
    assert torch.isfinite(given.grad).all()
    assert "entropy" not in bottleneck(given).losses
