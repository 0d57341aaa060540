"""Latents and codes of length 1."""

from __future__ import annotations

import pytest
import torch
from helpers.quantizing import latents, projected, quantizer, step
from vector_quantize_pytorch import VectorQuantize

from wavenet_ae.bottlenecks import VQVAE, VQVAEEMA

kinds = pytest.mark.parametrize("kind", [VQVAE, VQVAEEMA])


def rows(z: torch.Tensor) -> torch.Tensor:
    return z.transpose(1, 2).flatten(0, 1)


@kinds
def test_the_code_is_the_one_of_the_nearest_direction(kind):
    vq = quantizer(kind, distance="cosine").eval()
    output = vq(latents())
    z = rows(projected(vq, latents()))
    torch.testing.assert_close(z.norm(dim=1), torch.ones(len(z)))
    similarity = torch.cosine_similarity(z[:, None], vq.codebook[None], dim=2)  # (V, K)
    assert torch.equal(output.codes.flatten(), similarity.argmax(dim=1))
    torch.testing.assert_close(rows(output.vectors).norm(dim=1), torch.ones(len(z)))
    torch.testing.assert_close(
        output.losses["commitment"].flatten(), 2 - 2 * similarity.max(dim=1).values
    )


def test_codes_are_those_of_the_library():
    vq = quantizer(distance="cosine").eval()
    library = VectorQuantize(dim=4, codebook_size=6, use_cosine_sim=True).eval()
    library.codebook = torch.nn.functional.normalize(vq.codebook, dim=1)
    z = vq.project.linear(latents()).transpose(1, 2)
    vectors, codes, _ = library(z)
    assert torch.equal(vq.encode(latents()), codes)
    torch.testing.assert_close(vq(latents()).vectors, vectors.transpose(1, 2))


@kinds
def test_the_length_of_a_latent_does_not_matter(kind):
    vq = quantizer(kind, distance="cosine").eval()
    torch.nn.init.zeros_(vq.project.linear.bias)
    near, far = vq(latents()), vq(30 * latents())
    assert torch.equal(near.codes, far.codes)
    torch.testing.assert_close(near.losses, far.losses)


@kinds
def test_revived_and_first_codes_have_length_1(kind):
    vq = quantizer(kind, distance="cosine", init="kmeans", revive_after=1).train()
    vq.begin_quantizing(latents(batch=20), seed=0)
    num_revived = 0
    for seed in range(3):
        few = latents(batch=1, codes=3, seed=seed)
        output = vq(few, step(seed))
        sum(loss.sum() for loss in output.losses.values()).backward()  # after codes were restarted
        num_revived += output.num_revived
        torch.testing.assert_close(vq.codebook_vectors().norm(dim=1), torch.ones(6))
    assert num_revived > 0
