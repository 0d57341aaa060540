"""Pretrained models of torchaudio as encoders, on small ones with random weights."""

from __future__ import annotations

import pytest
import torch
from helpers.bundles import SMALL, add_small_bundles

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.encoders import Wav2Vec2Encoder
from wavenet_ae.encoders.wav2vec2 import ARCHITECTURES
from wavenet_ae.errors import UserError

RATE = 16_000


@pytest.fixture(autouse=True)
def hub(monkeypatch, tmp_path):
    add_small_bundles(monkeypatch, tmp_path / "hub")
    return tmp_path / "hub"


def encoder(bundle: str = "SMALL_HUBERT", **settings) -> Wav2Vec2Encoder:
    torch.manual_seed(0)
    return Wav2Vec2Encoder(RATE, bundle, **{"layer": 2, **settings})


def speech(num_samples: int = 4000) -> torch.Tensor:
    return 0.1 * torch.randn(2, num_samples, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("bundle", SMALL)
@pytest.mark.parametrize("layer", [1, 3])
def test_latents_are_those_of_the_whole_model_of_torchaudio(bundle, layer):
    made = encoder(bundle, layer=layer)
    whole = getattr(torchaudio.pipelines, bundle).get_model()
    expected = whole.extract_features(speech())[0][layer - 1].transpose(1, 2)
    assert not torch.allclose(made(speech()), expected), "random until a run starts"
    made.load_pretrained()
    torch.testing.assert_close(made(speech()), expected)
    assert made(speech()).shape == (2, made.dim, made.chain.output_length(4000))


@pytest.mark.parametrize("num_samples", [400, 719, 720, 4000])
def test_the_chain_says_how_many_latents_there_are(num_samples):
    made = encoder()
    assert made.chain.receptive_field == 400 and made.chain.grid().spacing == 320
    assert made(speech(num_samples)).shape[2] == made.chain.output_length(num_samples)


def test_a_latent_depends_on_the_whole_window():
    """Which is why the chain is no bound: every sample moves every latent."""
    made = encoder().double()
    waveform = speech(8000).double().requires_grad_()
    made.tuned = True
    made(waveform)[0, :, 0].square().sum().backward()
    assert (waveform.grad[0] != 0).float().mean() > 0.99
    assert (waveform.grad[1] == 0).all(), "items do not mix"
    assert made.sees_whole_window
    first = made.chain.input_range(range(3))
    part = made(waveform[:, first.start : first.stop])
    assert (part - made(waveform)[..., :3]).abs().max() > 1e-3


@pytest.mark.parametrize("tuned", [False, True])
def test_only_a_tuned_encoder_gets_gradients(tuned):
    made = encoder("SMALL_WAVLM", tuned=tuned).train()
    latents = made(speech())
    assert latents.requires_grad == tuned
    assert not any(each.training for each in made.model.modules()), "dropout is off"
    if tuned:
        latents.square().sum().backward()
        learned = [each for each in made.parameters() if each.requires_grad]
        # data-parallel training waits for the gradient of every parameter that is learned
        assert len(learned) > 20 and all(each.grad is not None for each in learned)
    else:
        assert not any(each.requires_grad for each in made.parameters())


def test_known_models_are_those_of_torchaudio():
    for name, architecture in ARCHITECTURES.items():
        bundle = getattr(torchaudio.pipelines, name)
        with torch.device("meta"):
            own = architecture.build(architecture.num_layers).state_dict()
            make = {"Wav2Vec2": "wav2vec2_model", "WavLM": "wavlm_model"}[bundle._model_type]
            whole = getattr(torchaudio.models, make)(**bundle._params).state_dict()
        shapes = {key: value.shape for key, value in whole.items()}
        assert {key: value.shape for key, value in own.items()} == shapes, name
        assert bundle.sample_rate == RATE and not bundle._normalize_waveform, name


@pytest.mark.parametrize(
    ("rate", "settings", "problem"),
    [
        (8000, {}, "sample_rate is 8000.*set sample_rate=16000"),
        (RATE, {"layer": 4}, "encoder.layer is 4, but SMALL_HUBERT has 3 layers"),
        (RATE, {"bundle": "HUBERT_BAS"}, "Did you mean 'HUBERT_BASE'"),
    ],
)
def test_settings_that_cannot_be_are_refused(rate, settings, problem):
    with pytest.raises(ValueError, match=problem):
        Wav2Vec2Encoder(rate, **{"bundle": "SMALL_HUBERT", "layer": 2, **settings})


@pytest.mark.parametrize("damage", ["missing", "damaged", "code"])
def test_weights_that_cannot_be_loaded_are_one_error_with_the_place_of_the_cache(hub, damage):
    file = hub / "checkpoints" / "SMALL_HUBERT.pth"
    file.unlink()
    if damage == "damaged":
        file.write_bytes(b"no weights")
    elif damage == "code":
        torch.save(print, file)
    with pytest.raises(UserError, match="cannot be loaded") as refused:
        encoder().load_pretrained()
    assert str(hub / "checkpoints") in str(refused.value)
    assert "encoder.bundle=SMALL_HUBERT" in str(refused.value)
