"""The random projection quantizer against the library's, and that nothing of it is learned."""

from __future__ import annotations

import torch
from helpers.quantizing import latents, step
from vector_quantize_pytorch import RandomProjectionQuantizer as Library

from wavenet_ae.bottlenecks import RandomProjectionQuantizer


def random_projection(**settings) -> RandomProjectionQuantizer:
    torch.manual_seed(0)
    return RandomProjectionQuantizer(input_dim=4, dim=3, codebook_size=9, **settings)


def test_codes_are_those_of_the_library():
    bottleneck = random_projection()
    library = Library(dim=4, codebook_size=9, codebook_dim=3, norm=False).eval()
    library.rand_projs.copy_(bottleneck.project.weight.t()[None])
    library.vq.codebook = bottleneck.frozen_codes
    codes = bottleneck.encode(latents(codes=50))
    assert len(codes.unique()) > 4
    assert torch.equal(codes, library(latents(codes=50).transpose(1, 2)))


def test_nothing_is_learned_and_the_gradient_reaches_the_encoder():
    bottleneck = random_projection().train()
    before = {name: value.clone() for name, value in bottleneck.state_dict().items()}
    given = latents().requires_grad_()
    output = bottleneck(given, step())
    (output.vectors.sum() + output.losses["commitment"].sum()).backward()
    assert given.grad.abs().sum() > 0
    assert not list(bottleneck.parameters())
    for name, value in bottleneck.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_latents_are_standardized_before_the_projection():
    plain, standardizing = random_projection(), random_projection(normalize=True).train()
    given = 5 + 3 * latents(batch=40, codes=40)
    codes = standardizing(given, step()).codes
    mean, deviation = given.mean(dim=(0, 2)), given.std(dim=(0, 2))
    standardized = (given - mean[:, None]) / deviation[:, None]
    assert (codes == plain.encode(standardized)).float().mean() > 0.99
