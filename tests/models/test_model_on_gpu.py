"""A model on a GPU is the model on the CPU."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from helpers.configs import BOTTLENECKS, small
from helpers.objectives import reconstruction

from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models import WaveformAutoencoder, build
from wavenet_ae.types import Batch, Step

pytestmark = pytest.mark.gpu
BATCH = 4


def model_of(bottleneck: str) -> WaveformAutoencoder:
    torch.manual_seed(0)
    return build(small(bottleneck), ["anna", "bert"])


def noise(num_samples: int, batch: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (3000 * torch.randn(batch, num_samples, generator=generator)).to(torch.int16)


def loss_and_gradients(model: WaveformAutoencoder, device: str) -> dict[str, torch.Tensor]:
    """Returns loss and gradients of a training step in float64, moved to the CPU."""
    model = copy.deepcopy(model).double().to(device)
    plan, bottleneck = model.window(4 * int(model.hop)), model.bottleneck
    generator = torch.Generator().manual_seed(1)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64).to(device)

    copies, dim = bottleneck.samples_per_datapoint, bottleneck.latent_noise_dim
    step = Step(
        index=0,
        seed=3,
        jitter=uniform(BATCH, plan.num_codes),
        speaker_dropout=uniform(BATCH),
        latent=uniform(BATCH * copies, dim, plan.num_codes) if dim else None,
    )
    waveform = noise(plan.slice_length, BATCH).to(device)
    speaker = torch.arange(BATCH, device=device) % 2
    batch = Batch(waveform, speaker, speaker, speaker)
    output = model(waveform, speaker, plan, step)
    loss = reconstruction(bottleneck.code_weighting)(output, batch, plan, 1000)
    loss.total.backward()
    gradients = {
        name: parameter.grad.cpu()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    buffers = {f"buffer {name}": each.cpu() for name, each in model.named_buffers()}
    return {"loss": loss.total.detach().cpu(), **gradients, **buffers}


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_a_training_step_is_that_of_the_cpu(bottleneck):
    model = model_of(bottleneck)
    expected, found = (loss_and_gradients(model, device) for device in ("cpu", "cuda"))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-5, atol=1e-7, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("bottleneck", ["vqvae_ema", "rvq", "fsq"])
def test_codes_are_those_of_the_cpu(bottleneck):
    """All but a few, which lie between two codes."""
    model = model_of(bottleneck).eval()
    waveform = noise(16_000)[0]
    expected = model.encode(waveform, 8000)
    found = model.cuda().encode(waveform.cuda(), 8000)
    assert found.device.type == "cuda" and found.shape == expected.shape
    assert (found.cpu() == expected).float().mean() > 0.95


def test_both_engines_decode_the_same_sound():
    model = model_of("vqvae_ema").eval().double().cuda()
    codes = model.encode(noise(1600)[0], 8000)
    reference, graph = (model.decode(codes, "anna", engine=e) for e in ("reference", "cuda_graph"))
    assert np.array_equal(reference, graph) and len(np.unique(reference)) > 10


def test_receptive_fields_are_certified_on_a_gpu():
    assert all(
        each.agrees for each in measure_receptive_fields(model_of("vqvae_ema").eval().cuda())
    )
