"""Bands that share a quantizer: each is quantized as if it were alone."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import BOTTLENECKS

from wavenet_ae.bottlenecks import BandQuantizer, Bottleneck
from wavenet_ae.instantiate import instantiate
from wavenet_ae.models.smoothed_codes import smoothed_latents

CHANNELS, BANDS, CODES = 5, 3, 7


@pytest.fixture(params=["vqvae", "rvq", "fsq"])
def both(request) -> tuple[Bottleneck, BandQuantizer]:
    torch.manual_seed(0)
    own = instantiate(BOTTLENECKS[request.param], Bottleneck, input_dim=CHANNELS).eval()
    if hasattr(own, "init"):
        torch.nn.init.normal_(own.project.linear.weight, std=1 / own.codebook_size)
    return own, BandQuantizer(own, BANDS).eval()


def maps(batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, CHANNELS, BANDS, CODES, generator=generator)


def test_a_band_has_the_codes_and_vectors_that_it_has_alone(both):
    own, bands = both
    together = bands(maps().flatten(1, 2))
    rows = together.codes.view(2, own.num_codebooks, BANDS, CODES)
    vectors = together.vectors.view(2, own.dim, BANDS, CODES)
    losses = []
    for band in range(BANDS):
        alone = own(maps()[:, :, band])
        codes = alone.codes.view(2, own.num_codebooks, CODES)
        assert torch.equal(rows[:, :, band], codes)
        torch.testing.assert_close(vectors[:, :, band], alone.vectors)
        losses.append(alone.losses)
    for name, loss in together.losses.items():
        torch.testing.assert_close(loss, sum(each[name] for each in losses))


def test_rows_of_a_codebook_stand_together(both):
    """So that all codes of a codebook can be counted as one sequence."""
    own, bands = both
    codes = bands(maps().flatten(1, 2)).codes
    assert bands.num_codebooks // bands.rows_per_codebook == own.num_codebooks
    by_book = codes.view(2, own.num_codebooks, -1)
    first_band = own(maps()[:, :, 0]).codes.view(2, own.num_codebooks, -1)
    assert torch.equal(by_book[..., :CODES], first_band)


def test_smoothed_bands_without_a_price_are_the_nearest_codes(both):
    own, bands = both
    output = bands(maps(1).flatten(1, 2))
    assert torch.equal(smoothed_latents(bands, output.latents, 1e-9), output.codes[0])
    assert bands.rows(output.latents).shape == (BANDS * CODES, own.dim)
