"""Contract of all encoders. A new one is one line in tests/helpers/configs.py."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import ENCODERS

from wavenet_ae.encoders import Encoder
from wavenet_ae.instantiate import instantiate

BATCH, LENGTH = 3, 2600


@pytest.fixture(params=sorted(ENCODERS))
def encoder(request) -> Encoder:
    torch.manual_seed(0)
    return instantiate(ENCODERS[request.param], Encoder, sample_rate=8000).double().eval()


def mean_of(encoder: Encoder) -> torch.Tensor | None:
    """What the features of some recordings are centered on, where that is theirs."""
    generator = torch.Generator().manual_seed(1)
    shape = (BATCH, encoder.features.dim)
    means = 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return means if encoder.features.needs_mean else None


def speech(length: int = LENGTH) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(BATCH, length, generator=generator, dtype=torch.float64)


def test_latents_have_their_shape(encoder):
    latents = encoder(speech(), mean_of(encoder))
    assert latents.shape == (BATCH, encoder.dim, encoder.chain.output_length(LENGTH))
    assert latents.isfinite().all()


def test_the_least_input_gives_one_latent(encoder):
    field = encoder.chain.input_length(1)
    assert encoder(speech(field), mean_of(encoder)).shape[2] == 1
    assert encoder.chain.output_length(field - 1) == 0


def test_a_slice_gives_the_latents_of_the_whole(encoder):
    waveform, chosen = speech(), range(2, 5)
    reads = encoder.chain.input_range(chosen)
    mean = mean_of(encoder)
    part = encoder(waveform[:, reads.start : reads.stop], mean)
    whole = encoder(waveform, mean)[..., chosen.start : chosen.stop]
    torch.testing.assert_close(part[..., : len(chosen)], whole, rtol=0, atol=1e-9)


def test_an_item_is_encoded_as_if_it_were_alone(encoder):
    waveform, mean = speech(), mean_of(encoder)
    alone = encoder(waveform[1:2], None if mean is None else mean[1:2])
    torch.testing.assert_close(alone, encoder(waveform, mean)[1:2], rtol=0, atol=1e-9)


def test_fitting_standardizes_the_features(encoder):
    waveforms = [3 * speech() for _ in range(2)]
    means = None
    if encoder.features.needs_mean:
        means = [encoder.features.frames(each).mean(dim=2) for each in waveforms]
    encoder.fit(waveforms, means)
    features = encoder.features(waveforms[0], None if means is None else means[0])
    if features.shape[1] > 1:  # the waveform itself is not standardized
        assert features.mean(dim=(0, 2)).abs().max() < 0.1
        assert (features.std(dim=(0, 2)) - 1).abs().max() < 0.1


def test_nothing_changes_in_evaluation(encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert torch.equal(encoder(speech(), mean_of(encoder)), encoder(speech(), mean_of(encoder)))
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]), name
