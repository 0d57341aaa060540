"""Residual vector quantization, codebook by codebook."""

from __future__ import annotations

import pytest
import torch
from helpers.quantizing import latents, projected, step

from wavenet_ae.bottlenecks import RVQ


def rvq(**settings) -> RVQ:
    torch.manual_seed(0)
    settings = {"num_codebooks": 3, "codebook_size": 6, "init": "uniform", **settings}
    return RVQ(input_dim=4, dim=4, **settings).train()


def rows(z: torch.Tensor) -> torch.Tensor:
    return z.detach().transpose(1, 2).flatten(0, 1)


def codebooks(bottleneck: RVQ) -> torch.Tensor:
    """(Q, K, D)"""
    return bottleneck.residual.codebooks.clone()


def test_each_code_is_the_nearest_to_what_is_left():
    bottleneck = rvq()
    output = bottleneck(latents())
    residual = rows(projected(bottleneck, latents()))
    total = torch.zeros_like(residual)
    for index, codebook in enumerate(codebooks(bottleneck)):
        distances = torch.stack([(residual - e).square().sum(dim=1) for e in codebook], dim=1)
        nearest = distances.argmin(dim=1)
        assert torch.equal(output.codes[:, index].flatten(), nearest), index
        residual, total = residual - codebook[nearest], total + codebook[nearest]
    torch.testing.assert_close(rows(output.vectors), total)
    torch.testing.assert_close(output.losses["commitment"].flatten(), residual.square().sum(dim=1))


def test_moving_averages_by_hand():
    bottleneck = rvq(decay=0.9, num_codebooks=2)
    before = codebooks(bottleneck)
    output = bottleneck(latents(), step())
    residual = rows(projected(bottleneck, latents()))
    for index, codebook in enumerate(before):
        chosen = output.codes[:, index].flatten()
        counts, sums = torch.ones(6), codebook.clone()
        for code in range(6):
            mine = residual[chosen == code]
            counts[code] = 0.9 * counts[code] + 0.1 * len(mine)
            sums[code] = 0.9 * sums[code] + 0.1 * mine.sum(dim=0)
        smoothed = (counts + 1e-5) / (counts.sum() + 6e-5) * counts.sum()
        torch.testing.assert_close(codebooks(bottleneck)[index], sums / smoothed[:, None])
        residual = residual - codebook[chosen]


@pytest.mark.parametrize("init", ["kmeans", "samples"])
def test_started_codebooks_cover_what_is_left(init):
    bottleneck = rvq(init=init, codebook_size=16)
    bottleneck.begin_quantizing(latents(batch=40), seed=0)
    output = bottleneck(latents(batch=40))
    for index in range(3):
        assert len(output.codes[:, index].unique()) == 16
    z = projected(bottleneck, latents(batch=40))
    errors = [
        (z - bottleneck.residual.layers[0].codebook[output.codes[:, 0]].transpose(1, 2)),
        z - output.vectors,
    ]
    assert errors[1].norm() < 0.7 * errors[0].norm(), "further codebooks refine the first"


def test_a_code_in_one_codebook_is_revived_there_alone():
    bottleneck = rvq(revive_after=2, num_codebooks=2, decay=0.8)
    bottleneck.begin_quantizing(latents(batch=20), seed=0)
    first, second = (stage._codebook for stage in bottleneck.residual.layers)
    for averages in (second.embed, second.embed_avg):
        averages[0, 3] = 50.0  # far from everything
    for each in range(2):
        before = codebooks(bottleneck)
        output = bottleneck(latents(seed=each), step(each))
        assert not (output.codes[:, 1] == 3).any()
    assert output.num_revived >= 1
    assert bottleneck.unused_steps[1, 3] == 0, "not due again in the next step"
    z = rows(projected(bottleneck, latents(seed=1)))
    left = z - before[0][output.codes[:, 0].flatten()]
    place = second.embed[0, 3].clone()
    assert (left - place).norm(dim=1).min() < 1e-5, "revived at what its codebook quantizes"
    bottleneck(latents(seed=2), step(2))
    assert (second.embed[0, 3] - place).norm() < 0.5 * left.norm(dim=1).mean()
    assert (first.embed[0] - place).norm(dim=1).min() > 1e-3


def test_revival_is_keyed():
    books = []
    for _ in range(2):
        bottleneck = rvq(revive_after=1)
        torch.manual_seed(len(books))  # whatever ran before must not matter
        bottleneck(latents(), step(7))
        books.append(codebooks(bottleneck))
    assert torch.equal(*books)


def test_a_single_codebook_is_refused():
    with pytest.raises(ValueError, match="num_codebooks is 1"):
        rvq(num_codebooks=1)
