"""Quantization against its definition: nearest codes, losses, averages, and the first codes."""

from __future__ import annotations

import pytest
import torch
from helpers.quantizing import latents, projected, quantizer, step

from wavenet_ae.bottlenecks import (
    FSQ,
    LFQ,
    RVQ,
    VQVAE,
    VQVAEEMA,
    RandomProjectionQuantizer,
    ResidualFSQ,
    SimVQ,
)
from wavenet_ae.bottlenecks.codebook import kmeans, nearest_codes
from wavenet_ae.bottlenecks.quantizer import perplexity


def test_nearest_code_by_brute_force():
    vectors, codebook = torch.randn(50, 4), torch.randn(7, 4)
    distances = torch.stack([(vectors - code).square().sum(dim=1) for code in codebook], dim=1)
    assert torch.equal(nearest_codes(vectors, codebook), distances.argmin(dim=1))


def test_gradient_is_straight_through():
    vq = quantizer()
    z = latents().requires_grad_()
    weights = torch.randn(5, 4, 8)
    (vq(z).vectors * weights).sum().backward()
    direct = latents().requires_grad_()
    (projected(vq, direct) * weights).sum().backward()
    torch.testing.assert_close(z.grad, direct.grad)


@pytest.mark.parametrize("kind", [VQVAE, VQVAEEMA])
def test_losses_are_those_of_the_paper(kind):
    vq = quantizer(kind).eval()
    output = vq(latents())
    z = projected(vq, latents())
    distance = (z - vq.decode(output.codes)).square().sum(dim=1)
    torch.testing.assert_close(output.losses["commitment"], distance)
    if kind is VQVAE:
        torch.testing.assert_close(output.losses["codebook"], distance)
        output.losses["codebook"].sum().backward()
        assert vq.codebook.grad.abs().sum() > 0
        assert vq.project.linear.weight.grad is None, "the codebook term moves the codebook alone"


def test_commitment_leaves_the_codebook_alone():
    vq = quantizer(VQVAE)
    vq(latents()).losses["commitment"].sum().backward()
    assert vq.codebook.grad is None
    assert vq.project.linear.weight.grad.abs().sum() > 0


def test_moving_averages_by_hand():
    vq = quantizer(decay=0.9)
    counts, sums = vq.counts.clone(), vq.sums.clone()
    output = vq.train()(latents(), step())
    z = projected(vq, latents()).transpose(1, 2).reshape(-1, 4).detach()
    for code in range(6):
        mine = z[output.codes.flatten() == code]
        counts[code] = 0.9 * counts[code] + 0.1 * len(mine)
        sums[code] = 0.9 * sums[code] + 0.1 * mine.sum(dim=0)
    smoothed = (counts + 1e-5) / (counts.sum() + 6e-5) * counts.sum()
    torch.testing.assert_close(vq.codebook, sums / smoothed[:, None])


@pytest.mark.parametrize("kind, settings", [(VQVAE, {}), (VQVAEEMA, {"decay": 0.8})])
def test_revived_code_survives_the_next_step(kind, settings):
    vq = quantizer(kind, revive_after=2, **settings).train()
    vq.reset_codes(torch.tensor([3]), torch.full((1, 4), 50.0))  # far from everything
    for each in range(2):
        output = vq(latents(seed=each), step(each))
        assert not (output.codes == 3).any()
    assert output.num_revived >= 1
    assert vq.unused_steps[3] == 0, "not due again in the next step"
    place = vq.codebook[3].detach().clone()
    z = projected(vq, latents(seed=1)).transpose(1, 2).reshape(-1, 4)
    assert (z - place).norm(dim=1).min() < 1e-5, "revived at an encoder output"
    vq(latents(seed=2), step(2))
    assert (vq.codebook[3] - place).norm() < 0.5 * z.norm(dim=1).mean()


def test_revival_is_keyed():
    books = []
    for _ in range(2):
        vq = quantizer(revive_after=1).train()
        torch.manual_seed(len(books))  # whatever ran before must not matter
        vq(latents(), step(7))
        books.append(vq.codebook.clone())
    assert torch.equal(*books)


# Settings of every member with which it waits for its start.
WAITING = [
    (VQVAE, {"dim": 4, "codebook_size": 6, "init": "kmeans"}),
    (VQVAEEMA, {"dim": 4, "codebook_size": 6, "init": "samples"}),
    (RVQ, {"dim": 4, "codebook_size": 6, "num_codebooks": 2, "init": "kmeans"}),
    (SimVQ, {"dim": 4, "codebook_size": 6, "init": "kmeans"}),
    (FSQ, {"levels": [4, 3]}),
    (LFQ, {"num_bits": 3}),
    (ResidualFSQ, {"levels": [4, 3]}),
    (RandomProjectionQuantizer, {"dim": 4, "codebook_size": 6}),
]


@pytest.mark.parametrize("kind, settings", WAITING)
def test_waits_and_then_really_quantizes(kind, settings):
    torch.manual_seed(0)
    bottleneck = kind(input_dim=4, start_after=5, **settings).train()
    waiting = bottleneck(latents(), step())
    assert waiting.codes is None and not waiting.losses
    rows = waiting.vectors.detach().transpose(1, 2).flatten(0, 1)
    assert len(rows.unique(dim=0)) == len(rows), "latents pass as they are"
    bottleneck.begin_quantizing(latents(batch=20), seed=0)
    quantized = bottleneck(latents(), step())
    assert quantized.codes is not None
    rows = quantized.vectors.detach().transpose(1, 2).flatten(0, 1)
    assert quantized.codes.max() < bottleneck.codebook_size
    num_vectors = bottleneck.codebook_size**bottleneck.num_codebooks
    # z + (e - z) is e but for rounding
    assert len((rows * 1e4).round().unique(dim=0)) <= num_vectors
    restored = kind(input_dim=4, start_after=5, **settings)
    restored.load_state_dict(bottleneck.state_dict())
    assert restored.eval()(latents()).codes is not None, "a resumed run still quantizes"


@pytest.mark.parametrize("kind, settings", WAITING)
def test_every_parameter_has_a_gradient_while_waiting(kind, settings):
    bottleneck = kind(input_dim=4, start_after=5, **settings).train()
    bottleneck(latents().requires_grad_(), step()).vectors.sum().backward()
    for name, parameter in bottleneck.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_what_needs_no_encoder_quantizes_at_once():
    for kind, settings in WAITING:
        bottleneck = kind(
            input_dim=4, **settings | ({"init": "uniform"} if "init" in settings else {})
        )
        assert bottleneck.eval()(latents()).codes is not None, kind


@pytest.mark.parametrize("init", ["kmeans", "samples"])
def test_started_codebook_covers_the_latents(init):
    vq = quantizer(init=init, codebook_size=16)
    vq.begin_quantizing(latents(batch=40), seed=0)
    codes = vq.eval().encode(latents(batch=40))
    assert len(codes.unique()) == 16


def test_kmeans_finds_clusters_and_is_reproducible():
    generator = torch.Generator().manual_seed(0)
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    vectors = centers.repeat(30, 1) + 0.1 * torch.randn(90, 2, generator=generator)
    found = kmeans(vectors, 3, torch.Generator().manual_seed(1))
    assert torch.cdist(centers, found).min(dim=1).values.max() < 0.1
    assert torch.equal(found, kmeans(vectors, 3, torch.Generator().manual_seed(1)))
    with pytest.raises(ValueError, match="codebook of 91"):
        kmeans(vectors, 91, generator)


def test_perplexity_of_uniform_and_of_single_use():
    assert perplexity(torch.ones(8)).item() == pytest.approx(8)
    assert perplexity(torch.tensor([5.0, 0.0])).item() == pytest.approx(1)


def test_codebook_of_one_is_refused():
    with pytest.raises(ValueError, match="codebook_size is 1"):
        quantizer(codebook_size=1)


@pytest.mark.parametrize("kind", [VQVAE, VQVAEEMA])
def test_principal_components_are_found_in_latents_of_any_scale(kind):
    """Latents of two hidden channels; what the projection leaves out of them is nothing."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(4, 2, 100, generator=generator)
    latents = torch.einsum("cd,bdn->bcn", torch.randn(6, 2, generator=generator), hidden)
    latents = latents * torch.logspace(-2, 2, 6)[:, None] + 3
    vq = kind(6, dim=2, codebook_size=8, init="principal")
    vq.begin_quantizing(latents, seed=1)
    z = vq.project(latents, is_training=False).transpose(1, 2).flatten(0, 1)  # (B * N, D)
    torch.testing.assert_close(z.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    covariance = torch.cov(z.t())
    assert covariance[0, 0] >= covariance[1, 1] and abs(covariance[0, 1]) < 1e-4
    assert covariance.trace().item() == pytest.approx(2, rel=1e-4)
    rows = torch.cat([z, torch.ones(len(z), 1)], dim=1)
    target = latents.transpose(1, 2).flatten(0, 1)
    rebuilt = rows @ torch.linalg.lstsq(rows, target).solution
    torch.testing.assert_close(rebuilt, target, rtol=1e-3, atol=1e-2)
    assert len(vq(latents).codes.unique()) == 8


@pytest.mark.parametrize("wrong", [{"start_after": 5}, {"normalize": True}, {"dim": 7}])
def test_principal_refuses_what_contradicts_it(wrong):
    with pytest.raises(ValueError, match=f"init=principal needs bottleneck.{next(iter(wrong))}="):
        VQVAE(6, **{"dim": 2, "codebook_size": 8, "init": "principal", **wrong})
