"""Normalization of conditioning by the speaker, alone and within a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small

from wavenet_ae.engines import Sampling, make_engine, stream_seed
from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models import WaveformAutoencoder, build
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.sampling import synthesize
from wavenet_ae.nn.normalization import SpeakerNorm


def model() -> WaveformAutoencoder:
    torch.manual_seed(0)
    built = build(small("vqvae", model={"speaker_norm": True}), ["ann", "bob"]).eval()
    assert isinstance(built, WaveformAutoencoder) and built.speaker_norm is not None
    torch.nn.init.normal_(built.speaker_norm.log_scale)
    torch.nn.init.normal_(built.speaker_norm.shift)
    return built


def test_every_vector_gets_the_mean_and_deviation_of_the_speaker():
    norm = SpeakerNorm(dim=16, num_speakers=3)
    conditioning = 5 + 3 * torch.randn(2, 16, 7)
    plain = norm(conditioning, torch.tensor([0, 2]))
    torch.testing.assert_close(plain.mean(dim=1), torch.zeros(2, 7), rtol=0, atol=1e-5)
    torch.testing.assert_close(plain.std(dim=1, correction=0), torch.ones(2, 7))
    torch.nn.init.normal_(norm.log_scale)
    torch.nn.init.normal_(norm.shift)
    expected = plain[1] * norm.log_scale[2].exp()[:, None] + norm.shift[2][:, None]
    torch.testing.assert_close(norm(conditioning, torch.tensor([0, 2]))[1], expected)


def test_a_window_has_the_vectors_of_the_whole_and_items_do_not_mix():
    norm, speaker = SpeakerNorm(dim=16, num_speakers=3), torch.tensor([0, 2])
    conditioning = torch.randn(2, 16, 7)
    whole = norm(conditioning, speaker)
    torch.testing.assert_close(norm(conditioning[..., 2:5], speaker), whole[..., 2:5])
    torch.testing.assert_close(norm(conditioning[1:], speaker[1:]), whole[1:])


class Adapted(CodeConditioning):
    """Conditioning that is normalized for bob before anybody gets it."""

    def __init__(self, model: WaveformAutoencoder, codes: torch.Tensor, norm: SpeakerNorm) -> None:
        super().__init__(model, [{"codes": codes}])
        self.norm = norm

    def between(self, first: int, stop: int) -> torch.Tensor:
        return self.norm(super().between(first, stop), torch.tensor([1])).detach()


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_streams_are_generated_from_normalized_conditioning(engine):
    """With one vector at a time, as with all at once."""
    built, codes = model(), torch.tensor([1, 5, 2, 7, 3])
    sound = built.decode(codes, "bob", seed=1, engine=engine)
    assert not np.array_equal(sound, built.decode(codes, "ann", seed=1, engine=engine))
    conditioning = Adapted(built, codes, built.speaker_norm)
    built.speaker_norm = None
    rows, seeds = torch.tensor([1]), [stream_seed(1, "")]
    steps = make_engine(engine, built.decoder)
    chunks = synthesize(built, steps, conditioning, rows, seeds, Sampling())
    assert np.array_equal(sound, np.concatenate([chunk for (chunk,) in chunks]))


def test_windows_are_predicted_from_normalized_conditioning():
    built = model()
    plan = built.window(400)
    waveform = torch.randint(-3000, 3000, (2, plan.slice_length), dtype=torch.int16)
    speaker = torch.tensor([0, 1])
    output = built(waveform, speaker, plan)
    norm, built.speaker_norm = built.speaker_norm, None
    built.upsampling.register_forward_hook(lambda _module, _inputs, given: norm(given, speaker))
    assert torch.equal(built(waveform, speaker, plan).parameters, output.parameters)


def test_receptive_fields_are_those_without_it():
    assert all(each.agrees for each in measure_receptive_fields(model()))
