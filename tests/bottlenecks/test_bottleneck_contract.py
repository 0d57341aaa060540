"""Contract of all bottlenecks. A new one is one line in tests/helpers/configs.py."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from helpers.configs import BOTTLENECK_SETTINGS, BOTTLENECKS

from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.instantiate import instantiate
from wavenet_ae.types import Step

BATCH, CHANNELS, CODES = 3, 10, 7
MEMBERS = BOTTLENECKS | BOTTLENECK_SETTINGS


@pytest.fixture(params=sorted(MEMBERS))
def config(request) -> dict:
    return MEMBERS[request.param]


@pytest.fixture
def bottleneck(config) -> Bottleneck:
    torch.manual_seed(0)
    return instantiate(config, Bottleneck, input_dim=CHANNELS)


@pytest.fixture
def latents() -> torch.Tensor:
    return torch.randn(BATCH, CHANNELS, CODES, generator=torch.Generator().manual_seed(1))


def step_for(bottleneck: Bottleneck, seed: int = 0) -> Step:
    copies = bottleneck.samples_per_datapoint
    generator = torch.Generator().manual_seed(seed)
    noise_dim = bottleneck.latent_noise_dim
    shape = (BATCH * copies, noise_dim, CODES)
    return Step(
        index=0,
        seed=seed,
        jitter=torch.rand(BATCH, CODES, generator=generator),
        speaker_dropout=torch.rand(BATCH, generator=generator),
        latent=torch.randn(shape, generator=generator) if noise_dim else None,
    )


def test_shapes_in_training(bottleneck, latents):
    output = bottleneck.train()(latents, step_for(bottleneck))
    copies = bottleneck.samples_per_datapoint
    assert output.vectors.shape == (BATCH * copies, bottleneck.dim, CODES)
    for name, loss in output.losses.items():
        assert loss.shape in ((BATCH, CODES), ()), name
        assert torch.isfinite(loss).all()
    assert output.latents is not None
    assert output.latents.shape == (BATCH, bottleneck.dim, CODES)


@pytest.mark.parametrize("is_training", [False, True])
def test_evaluation_is_deterministic_and_changes_nothing(bottleneck, latents, is_training):
    """The absence of a step is what makes it evaluation, whatever the module's own mode says."""
    bottleneck.train(is_training)
    before = {name: value.clone() for name, value in bottleneck.state_dict().items()}
    first, second = bottleneck(latents), bottleneck(latents)
    assert torch.equal(first.vectors, second.vectors)
    assert first.vectors.shape == (BATCH, bottleneck.dim, CODES)
    for name, value in bottleneck.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_is_quantizing_says_whether_there_are_codes(bottleneck, latents):
    bottleneck.eval()
    assert bool(bottleneck.is_quantizing) == (bottleneck(latents).codes is not None)
    if isinstance(bottleneck, Quantizer):
        bottleneck.begin_quantizing(latents.repeat(40, 1, 1), seed=0)
        assert bottleneck.is_quantizing and bottleneck(latents).codes is not None
        assert any(name.endswith("is_quantizing") for name in bottleneck.state_dict())
    else:
        assert not bottleneck.is_quantizing and "is_quantizing" not in bottleneck.state_dict()


def test_items_do_not_read_each_other(bottleneck, latents):
    bottleneck.eval().double()
    whole = bottleneck(latents.double()).vectors
    alone = torch.cat([bottleneck(item[None].double()).vectors for item in latents])
    torch.testing.assert_close(whole, alone, rtol=0, atol=1e-9)


def test_gradient_reaches_the_latents(bottleneck, latents):
    latents.requires_grad_()
    output = bottleneck.train()(latents, step_for(bottleneck))
    weights = torch.randn(output.vectors.shape, generator=torch.Generator().manual_seed(2))
    (output.vectors * weights).sum().backward()
    assert latents.grad.abs().sum(dim=(1, 2)).min() > 0


def test_codes_and_vectors_agree(bottleneck, latents):
    bottleneck.eval()
    output = bottleneck(latents)
    if bottleneck.codebook_size is None:
        assert output.codes is None
        with pytest.raises(TypeError, match=type(bottleneck).__name__):
            bottleneck.encode(latents)
        with pytest.raises(TypeError, match=type(bottleneck).__name__):
            bottleneck.decode(torch.zeros(1, 1, dtype=torch.int64))
        return
    codes = bottleneck.encode(latents)
    books = bottleneck.num_codebooks
    assert codes.shape == ((BATCH, CODES) if books == 1 else (BATCH, books, CODES))
    assert codes.dtype == torch.int64
    assert codes.min() >= 0 and codes.max() < bottleneck.codebook_size
    assert len(codes.unique()) > 1
    torch.testing.assert_close(bottleneck.decode(codes), output.vectors)


def test_running_statistics_change_in_training(bottleneck, latents):
    running = ("running_mean", "codebook", "unused_steps", "embed_avg")
    before = {
        name: value.clone()
        for name, value in bottleneck.state_dict().items()
        if name.split(".")[-1] in running and name not in dict(bottleneck.named_parameters())
    }
    few = latents[:, :, :1].expand_as(latents)  # fewer latents than codes: some are unused
    bottleneck.train()(few, step_for(bottleneck))
    for name, value in before.items():
        assert not torch.equal(bottleneck.state_dict()[name], value), name


def test_computes_in_float32_under_autocast(bottleneck, latents):
    bottleneck.eval()
    plain = bottleneck(latents).vectors
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = bottleneck(latents).vectors
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain)


def test_a_bottleneck_is_restored_from_its_state(config, bottleneck, latents):
    bottleneck.train()
    for seed in range(5):
        bottleneck(latents, step_for(bottleneck, seed))
    other = instantiate(config, Bottleneck, input_dim=CHANNELS)
    other.load_state_dict(bottleneck.state_dict())
    assert torch.equal(other.eval()(latents).vectors, bottleneck.eval()(latents).vectors)


def test_a_library_that_starts_slowly_is_imported_by_the_bottlenecks_that_need_it_alone():
    code = (
        "import sys, wavenet_ae.bottlenecks as b; {}print('vector_quantize_pytorch' in sys.modules)"
    )
    for made, expected in (("b.VQVAE(4); ", "False"), ("b.FSQ(4); ", "True")):
        command = [sys.executable, "-c", code.format(made)]
        assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == expected
