"""Codes of whole utterances: their instants, and no effect of the silence around."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small

from wavenet_ae.metrics.encoding import encode_with_anchors
from wavenet_ae.models import WaveformAutoencoder, build


@pytest.fixture(scope="module")
def model() -> WaveformAutoencoder:
    torch.manual_seed(0)
    return build(small("ae"), ["a"]).eval()


def recording(num_samples: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(num_samples)
    return (3000 * torch.randn(num_samples, generator=generator)).to(torch.int16)


def test_codes_stand_a_hop_apart_and_always_at_the_same_instants(model):
    first, second = (encode_with_anchors(model, recording(n)) for n in (4001, 8000))
    assert np.all(np.diff(first.anchors) == 160)
    assert first.anchors[0] == second.anchors[0] < 160
    assert first.anchors[-1] < 4001 <= first.anchors[-1] + 160
    assert first.vectors.shape == (len(first.anchors), model.bottleneck.dim)
    assert first.codes is None


def test_a_click_moves_the_codes_around_it_and_no_others(model):
    waveform = torch.zeros(16000, dtype=torch.int16)
    clicked = waveform.clone()
    clicked[8000] = 30000
    vectors = [encode_with_anchors(model, each) for each in (waveform, clicked)]
    moved = np.abs(vectors[0].vectors - vectors[1].vectors).max(axis=1) > 1e-6
    anchors = vectors[0].anchors[moved]
    reach = model.alignment.encoder.receptive_field / 2
    assert anchors.min() >= 8000 - reach and anchors.max() <= 8000 + reach
    assert abs(anchors.mean() - 8000) <= 80, "centered: half a code hop at most"


def test_codes_of_several_codebooks_stand_side_by_side():
    torch.manual_seed(0)
    model = build(small("rvq"), ["a"]).eval()
    encoded = encode_with_anchors(model, recording(4001))
    assert encoded.codes is not None and encoded.codes.shape == (len(encoded.anchors), 3)
    stages = torch.from_numpy(encoded.codes.T[None].copy())  # (1, Q, N)
    vectors = model.bottleneck.decode(stages)[0].t().detach().numpy()
    np.testing.assert_allclose(vectors, encoded.vectors, atol=1e-5)
