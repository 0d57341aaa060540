"""Gradient estimators against their definitions and against the library's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers.quantizing import latents, projected, quantizer, step
from torch import Tensor
from vector_quantize_pytorch.vector_quantize_pytorch import rotate_to

from wavenet_ae.bottlenecks import RVQ, VQVAE, VQVAEEMA
from wavenet_ae.bottlenecks.base import straight_through
from wavenet_ae.bottlenecks.gradients import diveq, rotation


def pair(seed: int = 0) -> tuple[Tensor, Tensor]:
    """z and e (B, D, N)."""
    generator = torch.Generator().manual_seed(seed)
    z, chosen = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=generator)
    return z.requires_grad_(), chosen.requires_grad_()


def jacobian(estimate, z: Tensor, chosen: Tensor) -> Tensor:
    """Jacobian of the first vector with respect to the first latent, (D, D)."""
    full = torch.autograd.functional.jacobian(lambda each: estimate(each, chosen)[0, :, 0], z)
    return full[:, 0, :, 0]


def test_rotation_turns_the_latent_to_the_code():
    z, chosen = (each.detach() for each in pair())
    turned = jacobian(rotation, z, chosen)
    scale = chosen[0, :, 0].norm() / z[0, :, 0].norm()
    torch.testing.assert_close(turned @ turned.t(), scale**2 * torch.eye(4, dtype=z.dtype))
    torch.testing.assert_close(turned @ z[0, :, 0], chosen[0, :, 0])
    assert torch.linalg.det(turned) > 0, "no reflection"
    # directions that are orthogonal to both stay
    both = torch.stack([z[0, :, 0], chosen[0, :, 0]])
    other = torch.linalg.svd(both)[2][-1]
    torch.testing.assert_close(turned @ other, scale * other)


def test_rotation_is_that_of_the_library():
    z, chosen = pair()
    weights = torch.randn(3, 4, 5, dtype=torch.float64)
    own = rotation(z, chosen)
    library = rotate_to(z.transpose(1, 2), chosen.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(own, library)
    found, expected = (torch.autograd.grad((each * weights).sum(), z)[0] for each in (own, library))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("estimate", [rotation, lambda z, e: diveq(z, e, None)])
def test_degenerate_pairs_have_a_finite_gradient(estimate):
    """A latent of 0, one on its code, one opposite to it, a code of 0."""
    z = torch.tensor([[0.0, 0.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], dtype=torch.float64)
    chosen = torch.tensor([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [0.0, 0.0]], dtype=torch.float64)
    z, chosen = z.t()[None].requires_grad_(), chosen.t()[None]
    vectors = estimate(z, chosen)
    torch.testing.assert_close(vectors, chosen, rtol=0, atol=2e-6)
    vectors.sum().backward()
    assert torch.isfinite(z.grad).all()


def test_diveq_splits_the_gradient_along_the_error():
    """Along d the code gets it, across d the latent does."""
    z, chosen = pair()
    weights = torch.randn(3, 4, 5, dtype=torch.float64)
    vectors = diveq(z, chosen, None)
    torch.testing.assert_close(vectors, chosen)
    (vectors * weights).sum().backward()
    direction = torch.nn.functional.normalize((chosen - z).detach(), dim=1)
    along = direction * (direction * weights).sum(dim=1, keepdim=True)
    torch.testing.assert_close(chosen.grad, along)
    torch.testing.assert_close(z.grad, weights - along)


def test_noise_of_diveq_turns_the_error_and_keeps_its_length():
    z, chosen = (each.detach() for each in pair())
    noise = torch.randn(3, 4, 5, dtype=torch.float64)
    error, turned = chosen - z, diveq(z, chosen, noise) - z
    torch.testing.assert_close(turned.norm(dim=1), error.norm(dim=1))
    cosine = torch.cosine_similarity(turned, error, dim=1)
    assert cosine.min() > 0.9 and cosine.max() < 1 - 1e-8


@pytest.mark.parametrize("kind", [VQVAE, VQVAEEMA, RVQ])
@pytest.mark.parametrize("gradient", ["straight_through", "rotation", "diveq"])
def test_a_quantizer_uses_the_gradient_of_its_setting(kind, gradient):
    extra = {"num_codebooks": 2} if kind is RVQ else {}
    vq = quantizer(kind, gradient=gradient, **extra)
    given = latents().requires_grad_()
    output = vq(given)
    weights = torch.randn(5, 4, 8)
    (output.vectors * weights).sum().backward()
    estimates = {"rotation": rotation, "diveq": lambda z, e: diveq(z, e, None)}
    direct = latents().requires_grad_()
    estimate = estimates.get(gradient, straight_through)
    chosen = vq.decode(output.codes).detach()
    (estimate(projected(vq, direct), chosen) * weights).sum().backward()
    torch.testing.assert_close(given.grad, direct.grad)


def test_diveq_trains_a_codebook_without_losses():
    vq = quantizer(VQVAE, gradient="diveq").train()
    keyed = replace(step(), latent=torch.zeros(5, 4, 8))
    output = vq(latents(), keyed)
    assert output.losses == {}
    output.vectors.square().sum().backward()
    used = output.codes.unique()
    assert (vq.codebook.grad[used].norm(dim=1) > 0).all()
    assert "commitment" in quantizer(VQVAEEMA, gradient="diveq")(latents()).losses


def test_noise_comes_from_the_step_alone():
    vq = quantizer(VQVAE, gradient="diveq").train()
    assert vq.latent_noise_dim == vq.dim
    noise = torch.randn(5, 4, 8)
    first, second = (vq(latents(), replace(step(), latent=noise)).vectors for _ in range(2))
    other = vq(latents(), replace(step(), latent=-noise)).vectors
    assert torch.equal(first, second) and not torch.equal(first, other)
