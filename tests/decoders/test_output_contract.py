"""What every output distribution promises.  A new member is one line in configs.py.

Outputs for frames are distributions of one value of a frame.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.configs import OUTPUTS, TARGETS
from torch import Tensor

from wavenet_ae.decoders import OutputDistribution, Sampling
from wavenet_ae.instantiate import instantiate
from wavenet_ae.targets import Target

BATCH, TIME = 3, 11
STEP = 1e-3  # of the grid of real values


@pytest.fixture(params=sorted(OUTPUTS))
def pair(request) -> tuple[Target, OutputDistribution]:
    target_name, node = OUTPUTS[request.param]
    target = instantiate(TARGETS[target_name], Target, sample_rate=8000)
    return target, made(node, target)


def made(node: dict[str, Any], target: Target) -> OutputDistribution:
    kinds = dict(levels=target.levels, num_channels=target.num_channels)
    return instantiate(node, OutputDistribution, **kinds)


def parameters_of(output: OutputDistribution, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(shape[0], output.num_parameters, *shape[1:], generator=generator)


def all_targets(target: Target) -> Tensor:
    """(1, X): each value that there is, once; of real numbers, a fine grid."""
    if target.num_channels is not None:
        if target.levels is None:
            return torch.arange(-60, 60, STEP, dtype=torch.float64)[None]
        return torch.arange(target.levels)[None]
    every_sample = torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16)[None]
    return target(every_sample).unique()[None]


def is_density(target: Target) -> bool:
    return target.levels is None and target.num_channels is not None


def test_probabilities_add_up_to_one(pair):
    target, output = pair
    targets = all_targets(target)
    parameters = parameters_of(output, 1, 1).expand(-1, -1, targets.shape[1])
    mass = output.nll(parameters, targets).double().neg().exp().sum()
    if is_density(target):
        mass = mass * STEP
    assert mass.item() == pytest.approx(1, abs=1e-4)


def test_nll_has_a_finite_gradient_in_all_parameters(pair):
    target, output = pair
    waveform = torch.tensor([[-32768, 32767, 0, 1, -1, 500, 20000, -20000, 3, 4, 5]])
    if target.num_channels is None:
        targets = target(waveform.to(torch.int16)).expand(BATCH, -1)
    else:
        chosen = torch.linspace(0, all_targets(target).shape[1] - 1, TIME).long()
        targets = all_targets(target)[:, chosen].expand(BATCH, -1)
    parameters = parameters_of(output, BATCH, TIME).requires_grad_()
    nll = output.nll(parameters, targets)
    assert nll.shape == (BATCH, TIME) and nll.dtype == torch.float32
    nll.sum().backward()
    assert parameters.grad.isfinite().all()
    assert parameters.grad.abs().sum(dim=(0, 2)).min() > 0


def test_samples_are_quantiles_of_the_distribution(pair):
    """Evenly spread numbers give each target as often as it is probable."""
    target, output = pair
    many, targets = 4000, all_targets(target)[0]
    parameters = parameters_of(output, 1)
    uniforms = (torch.arange(many) + 0.5) / many
    samples = output.sample(parameters.expand(many, -1), uniforms, Sampling())
    assert (samples.diff() >= 0).all()
    if not is_density(target):
        assert samples.dtype == targets.dtype and torch.isin(samples, targets).all()
    whole = parameters[..., None].expand(-1, -1, len(targets))
    below = output.nll(whole, targets[None])[0].double().neg().exp().cumsum(dim=0)
    below = below * STEP if is_density(target) else below
    ours = torch.searchsorted(samples.to(targets).contiguous(), targets, right=True) / many
    assert (below - ours).abs().max() < 2e-3


def test_temperature_zero_does_not_depend_on_chance(pair):
    _, output = pair
    parameters = parameters_of(output, BATCH)
    one, other = (
        output.sample(parameters, torch.full((BATCH,), uniform), Sampling(temperature=0))
        for uniform in (0.01, 0.99)
    )
    assert torch.equal(one, other)


def test_a_low_temperature_narrows_the_distribution(pair):
    _, output = pair
    parameters = parameters_of(output, 1).expand(400, -1)
    uniforms = (torch.arange(400) + 0.5) / 400
    spreads = [
        output.sample(parameters, uniforms, Sampling(temperature=each)).float().std()
        for each in (1.0, 0.2)
    ]
    assert spreads[1] < spreads[0]


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_a_target_of_the_wrong_kind_is_refused(name):
    """There is one that does not fit each output, and the error names one that does."""
    refusals = []
    for each in TARGETS.values():
        try:
            made(OUTPUTS[name][1], instantiate(each, Target, sample_rate=8000))
        except ValueError as refusal:
            refusals.append(str(refusal))
    assert refusals and all("set target=" in each for each in refusals)
