"""Vector quantisation against its definition."""

from __future__ import annotations

import pytest
import torch

from wavenet_ae.bottlenecks import VQVAE, VQVAEEMA
from wavenet_ae.bottlenecks.kmeans import kmeans
from wavenet_ae.bottlenecks.quantiser import nearest_codes, perplexity
from wavenet_ae.types import Step


def step(seed: int = 0) -> Step:
    return Step(index=0, seed=seed, jitter=torch.zeros(1), speaker_dropout=torch.zeros(1))


def quantiser(kind=VQVAEEMA, **settings):
    torch.manual_seed(0)
    settings = {"dim": 4, "codebook_size": 6, "init": "uniform", **settings}
    return kind(input_dim=4, **settings)


def latents(batch: int = 5, codes: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 4, codes, generator=torch.Generator().manual_seed(seed))


def test_nearest_code_by_brute_force():
    vectors, codebook = torch.randn(50, 4), torch.randn(7, 4)
    distances = torch.stack([(vectors - code).square().sum(dim=1) for code in codebook], dim=1)
    assert torch.equal(nearest_codes(vectors, codebook), distances.argmin(dim=1))


def test_gradient_is_straight_through():
    vq = quantiser()
    z = latents().requires_grad_()
    weights = torch.randn(5, 4, 8)
    (vq(z).vectors * weights).sum().backward()
    direct = latents().requires_grad_()
    (vq.project(direct) * weights).sum().backward()
    torch.testing.assert_close(z.grad, direct.grad)


@pytest.mark.parametrize("kind", [VQVAE, VQVAEEMA])
def test_losses_are_those_of_the_paper(kind):
    vq = quantiser(kind).eval()
    output = vq(latents())
    z = vq.project(latents())
    distance = (z - vq.decode(output.codes)).square().sum(dim=1)
    torch.testing.assert_close(output.losses["commitment"], distance)
    if kind is VQVAE:
        torch.testing.assert_close(output.losses["codebook"], distance)
        output.losses["codebook"].sum().backward()
        assert vq.codebook.grad.abs().sum() > 0
        assert vq.project.linear.weight.grad is None, "the codebook term moves the codebook alone"


def test_commitment_leaves_the_codebook_alone():
    vq = quantiser(VQVAE)
    vq(latents()).losses["commitment"].sum().backward()
    assert vq.codebook.grad is None
    assert vq.project.linear.weight.grad.abs().sum() > 0


def test_moving_averages_by_hand():
    vq = quantiser(decay=0.9)
    counts, sums = vq.counts.clone(), vq.sums.clone()
    output = vq.train()(latents(), step())
    z = vq.project(latents()).transpose(1, 2).reshape(-1, 4).detach()
    for code in range(6):
        mine = z[output.codes.flatten() == code]
        counts[code] = 0.9 * counts[code] + 0.1 * len(mine)
        sums[code] = 0.9 * sums[code] + 0.1 * mine.sum(dim=0)
    smoothed = (counts + 1e-5) / (counts.sum() + 6e-5) * counts.sum()
    torch.testing.assert_close(vq.codebook, sums / smoothed[:, None])


@pytest.mark.parametrize("kind", [VQVAE, VQVAEEMA])
def test_revived_code_survives_the_next_step(kind):
    vq = quantiser(kind, revive_after=2).train()
    vq.reset_codes(torch.tensor([3]), torch.full((1, 4), 50.0))  # far from everything
    for each in range(2):
        output = vq(latents(seed=each), step(each))
        assert not (output.codes == 3).any()
    assert output.metrics["revived_codes"] >= 1
    place = vq.codebook[3].detach().clone()
    z = vq.project(latents(seed=1)).transpose(1, 2).reshape(-1, 4)
    assert (z - place).norm(dim=1).min() < 1e-5, "revived at an encoder output"
    vq(latents(seed=2), step(2))
    assert (vq.codebook[3] - place).norm() < 0.5 * z.norm(dim=1).mean()


def test_revival_is_keyed():
    books = []
    for _ in range(2):
        vq = quantiser(revive_after=1).train()
        torch.manual_seed(len(books))  # whatever ran before must not matter
        vq(latents(), step(7))
        books.append(vq.codebook.clone())
    assert torch.equal(*books)


def test_waits_and_then_really_quantises():
    vq = quantiser(init="kmeans", start_after=5).train()
    output = vq(latents(), step())
    assert output.codes is None and not output.losses
    torch.testing.assert_close(output.vectors, vq.project(latents()))
    vq.start(latents(batch=20), seed=0)
    output = vq(latents(), step())
    rows = output.vectors.transpose(1, 2).reshape(-1, 4)
    book = vq.decode(output.codes).transpose(1, 2).reshape(-1, 4)
    assert output.codes is not None
    # z + (e - z) is e but for rounding
    assert len((rows.detach() * 1e4).round().unique(dim=0)) <= 6
    assert (rows - book).abs().max() < 1.0  # the codebook moved after the vectors were chosen


@pytest.mark.parametrize("init", ["kmeans", "samples"])
def test_started_codebook_covers_the_latents(init):
    vq = quantiser(init=init, codebook_size=16)
    vq.start(latents(batch=40), seed=0)
    codes = vq.eval().encode(latents(batch=40))
    assert len(codes.unique()) == 16


def test_kmeans_finds_clusters_and_is_reproducible():
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    vectors = centres.repeat(30, 1) + 0.1 * torch.randn(90, 2, generator=generator)
    found = kmeans(vectors, 3, torch.Generator().manual_seed(1))
    assert torch.cdist(centres, found).min(dim=1).values.max() < 0.1
    assert torch.equal(found, kmeans(vectors, 3, torch.Generator().manual_seed(1)))
    with pytest.raises(ValueError, match="codebook of 91"):
        kmeans(vectors, 91, generator)


def test_perplexity():
    assert perplexity(torch.ones(8)).item() == pytest.approx(8)
    assert perplexity(torch.tensor([5.0, 0.0])).item() == pytest.approx(1)


def test_codebook_of_one_is_refused():
    with pytest.raises(ValueError, match="codebook_size is 1"):
        quantiser(codebook_size=1)
