"""Smoothed codes of whole utterances, for every bottleneck that quantizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import BOTTLENECKS, small

from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.bottlenecks.smoothing import in_margins, smoothed_codes
from wavenet_ae.errors import ArgumentError
from wavenet_ae.models import Autoencoder, build
from wavenet_ae.models import smoothed_codes as module
from wavenet_ae.models.utterance import encode_in_chunks

RATE = 8000
VQ = [name for name in sorted(BOTTLENECKS) if name not in ("ae", "vae", "identity")]


def model(kind: str, starts: bool = True) -> Autoencoder:
    torch.manual_seed(0)
    built = build(small(kind), ["a"]).eval()
    assert isinstance(built, Autoencoder)
    if isinstance(built.bottleneck, Quantizer) and not starts:
        built.bottleneck.is_quantizing.fill_(False)
    elif isinstance(built.bottleneck, Quantizer):
        latents = built.encoder(built.normalize(noise(3 * RATE))[None])
        built.bottleneck.begin_quantizing(latents, seed=0)
    return built


def noise(num_samples: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(-8000, 8000, (num_samples,), generator=generator).to(torch.int16)


def changes(codes: torch.Tensor) -> int:
    return int((codes[..., 1:] != codes[..., :-1]).sum())


@pytest.mark.parametrize("kind", VQ)
def test_the_nearest_code_is_the_code(kind):
    built, waveform = model(kind), noise(2 * RATE)
    (chunk,) = encode_in_chunks(built, [waveform])
    output = chunk["codes"].output
    codes = output.codes if output.codes.ndim == 3 else output.codes[:, None]  # (1, H, N)
    for book in range(codes.shape[1]):
        earlier = [codes[:, each] for each in range(book)]
        distances = built.bottleneck.code_distances(output.latents, earlier)
        assert distances.shape == (1, codes.shape[-1], built.bottleneck.codebook_size)
        assert torch.equal(distances.argmin(dim=2), codes[:, book])


@pytest.mark.parametrize("kind", VQ)
def test_codes_of_the_right_shape_change_less_often(kind):
    built, waveform = model(kind), noise(2 * RATE)
    plain, smooth = built.encode(waveform, RATE), built.encode(waveform, RATE, smoothing=2.0)
    assert smooth.shape == plain.shape and smooth.dtype == torch.int64
    assert changes(smooth) < 0.9 * changes(plain)
    assert torch.equal(built.encode(waveform, RATE, smoothing=0), plain)
    assert torch.equal(built.encode([waveform], RATE, smoothing=2)[0], smooth)


def test_they_are_the_path_through_the_distances_in_margins():
    built, waveform = model("vqvae"), noise(RATE)
    (chunk,) = encode_in_chunks(built, [waveform])
    output = chunk["codes"].output
    distances = built.bottleneck.code_distances(output.latents)[0].detach().numpy()
    path = smoothed_codes(in_margins(distances), 2)
    assert np.array_equal(built.encode(waveform, RATE, smoothing=2).numpy(), path)


def test_pieces_do_not_change_them(monkeypatch):
    built, waveform = model("rvq"), noise(RATE)
    whole = built.encode(waveform, RATE, smoothing=2)
    monkeypatch.setattr(module, "DISTANCES_AT_ONCE", 100)
    assert torch.equal(built.encode(waveform, RATE, smoothing=2), whole)


def test_later_codebooks_quantize_what_smoothed_codes_leave():
    built, waveform = model("rvq"), noise(RATE)
    (chunk,) = encode_in_chunks(built, [waveform])
    output = chunk["codes"].output
    first, second, *_ = built.encode(waveform, RATE, smoothing=2)
    distances = built.bottleneck.code_distances(output.latents, [first[None]])[0].detach().numpy()
    assert np.array_equal(second.numpy(), smoothed_codes(in_margins(distances), 2))


@pytest.mark.parametrize(("kind", "starts"), [("ae", True), ("vqvae", False)])
def test_vectors_cannot_be_smoothed(kind, starts):
    built = model(kind, starts)
    with pytest.raises(ArgumentError, match="gives vectors, not codes: set smoothing=0"):
        built.encode(noise(RATE), RATE, smoothing=2)
    assert built.encode(noise(RATE), RATE).is_floating_point()


@pytest.mark.parametrize("smoothing", [-1, float("nan"), "2", True])
def test_a_price_that_is_none_is_refused(smoothing):
    with pytest.raises(ArgumentError, match=r"smoothing is .*, but must be a number of at least 0"):
        model("vqvae").encode(noise(RATE), RATE, smoothing=smoothing)


def test_too_many_codes_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_CODES", 7)
    with pytest.raises(ArgumentError, match=r"8 codes, and smoothing compares .* at most 7: set"):
        model("vqvae").encode(noise(RATE), RATE, smoothing=2)
