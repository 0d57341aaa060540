"""The mixture of logistics against its definition."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import DECODERS, OUTPUTS

from wavenet_ae.decoders import Decoder, MixtureOfLogistics, Sampling
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate, resolve


def naive_nll(parameters: torch.Tensor, amplitude: torch.Tensor) -> torch.Tensor:
    """-log of differences of sigmoids in float64, as PixelCNN++ writes them."""
    weights, means, log_scales = parameters.double().chunk(3, dim=1)
    half, scales = 0.5 / 32768, log_scales.exp()
    x = amplitude.double()[:, None]
    upper = torch.sigmoid((x + half - means) / scales)
    lower = torch.sigmoid((x - half - means) / scales)
    upper = torch.where(x > 0.9999, torch.ones_like(upper), upper)
    lower = torch.where(x < -0.9999, torch.zeros_like(lower), lower)
    return -(weights.softmax(dim=1) * (upper - lower)).sum(dim=1).log()


def test_nll_by_the_definition():
    generator = torch.Generator().manual_seed(0)
    output = MixtureOfLogistics(num_components=4)
    samples = torch.randint(-3000, 3000, (2, 50), generator=generator).float()
    samples[0, :2] = torch.tensor([-32768.0, 32767.0])
    parameters = torch.randn(2, 12, 50, generator=generator)
    parameters[:, 4:8] *= 0.1
    parameters[:, 8:] -= 3
    found = output.nll(parameters, samples / 32768)
    torch.testing.assert_close(
        found.double(), naive_nll(parameters, samples / 32768), rtol=1e-4, atol=1e-3
    )


def test_far_from_all_components_the_cost_is_large_and_not_infinite():
    output = MixtureOfLogistics(num_components=2)
    parameters = torch.tensor([[0.0, 0.0, -0.9, -0.9, -12.0, -12.0]])[..., None].requires_grad_()
    nll = output.nll(parameters, torch.tensor([[0.9]]))
    nll.sum().backward()
    assert 1000 < nll.item() < 1e6
    assert parameters.grad.isfinite().all()


def test_extreme_uniforms_do_not_give_the_ends_of_the_range():
    """Rounded to float32, the shares of components add up to a little less than 1."""
    output = MixtureOfLogistics()
    parameters = torch.randn(2000, 30, generator=torch.Generator().manual_seed(0))
    parameters[:, 10:20] *= 0.1
    parameters[:, 20:] = -7  # at 17 scales from a mean, all samples lie within .02 of it
    for uniform in (0.0, 2**-24, 1 - 2**-23, 1 - 2**-24):
        samples = output.sample(parameters, torch.full((2000,), uniform), Sampling())
        assert samples.abs().max() < 0.99, uniform


def test_parameters_are_not_rounded_under_autocast():
    for node in DECODERS.values():
        if not resolve(node["_target_"], Decoder).reads_past:
            continue  # it predicts frames
        decoder = instantiate(
            {**node, "output": OUTPUTS["mixture_of_logistics"][1]},
            Decoder,
            **dict(levels=None, conditioning_dim=2, conditioning_hop=4, num_speakers=1),
        )
        past = torch.zeros(1, decoder.chain.receptive_field + 4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            parameters = decoder(past, torch.zeros(1, 2, 9), torch.zeros(1, dtype=torch.int64))
        assert parameters.dtype == torch.float32


def test_top_k_and_top_p_are_refused():
    for sampling in (Sampling(top_k=3), Sampling(top_p=0.9)):
        with pytest.raises(UserError, match="no levels to choose from: set top_k=0"):
            MixtureOfLogistics().require_sampling(sampling)
    MixtureOfLogistics().require_sampling(Sampling(temperature=0.7))
