"""What every output distribution promises.  A new member is one line in configs.py."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import OUTPUTS, TARGETS
from torch import Tensor

from wavenet_ae.decoders import OutputDistribution, Sampling
from wavenet_ae.instantiate import instantiate
from wavenet_ae.targets import Target

BATCH, TIME = 3, 11


@pytest.fixture(params=sorted(OUTPUTS))
def pair(request) -> tuple[Target, OutputDistribution]:
    target_name, node = OUTPUTS[request.param]
    target = instantiate(TARGETS[target_name], Target, sample_rate=8000)
    return target, instantiate(node, OutputDistribution, levels=target.levels)


def parameters_of(output: OutputDistribution, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(shape[0], output.num_parameters, *shape[1:], generator=generator)


def all_targets(target: Target) -> Tensor:
    """(1, X): each target of a sample that there is, once."""
    every_sample = torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16)[None]
    return target(every_sample).unique()[None]


def test_probabilities_add_up_to_one(pair):
    target, output = pair
    targets = all_targets(target)
    parameters = parameters_of(output, 1, 1).expand(-1, -1, targets.shape[1])
    mass = output.nll(parameters, targets).double().neg().exp().sum()
    assert mass.item() == pytest.approx(1, abs=1e-4)


def test_nll_has_a_finite_gradient_in_all_parameters(pair):
    target, output = pair
    waveform = torch.tensor([[-32768, 32767, 0, 1, -1, 500, 20000, -20000, 3, 4, 5]])
    targets = target(waveform.to(torch.int16)).expand(BATCH, -1)
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
    assert samples.dtype == targets.dtype and torch.isin(samples, targets).all()
    assert (samples.diff() >= 0).all()
    whole = parameters[..., None].expand(-1, -1, len(targets))
    below = output.nll(whole, targets[None])[0].double().neg().exp().cumsum(dim=0)
    ours = torch.searchsorted(samples.contiguous(), targets, right=True) / many
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


def test_a_target_of_the_wrong_kind_is_refused(pair):
    target, output = pair
    node = next(
        node for _, node in OUTPUTS.values() if node["_target_"].endswith(type(output).__name__)
    )
    with pytest.raises(ValueError, match="set target="):
        instantiate(node, OutputDistribution, levels=32 if target.levels is None else None)
