"""Representations of utterances at the instants of their codes, and fair baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.configs import BOTTLENECKS, small

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.metrics.baselines import random_model, training_windows
from wavenet_ae.metrics.probe_data import ProbeCollector, choose_frames
from wavenet_ae.metrics.probing import run_probe, speaker_task
from wavenet_ae.metrics.representations import Representations, encode_with_anchors
from wavenet_ae.models import WaveformAutoencoder, build, utterance
from wavenet_ae.models.utterance import CodeLayout

BASELINES = {"mfcc", "log_mel", "random_encoder"}


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


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=4, minutes=1.6)
    return PackedCorpus(pack(source, str(folder / "packed"), 8000, Splits()))


def made(config: dict[str, Any], corpus: PackedCorpus, starts: bool = True) -> WaveformAutoencoder:
    """A model before training: features are fitted, and the codebook is initialized."""
    torch.manual_seed(0)
    model = build(config, corpus.speakers)
    assert isinstance(model, WaveformAutoencoder)
    windows = training_windows(model, corpus)
    model.fit([model.normalize(windows)])
    model.eval()
    if model.bottleneck.codebook_size and starts:
        with torch.no_grad():
            model.bottleneck.begin_quantizing(model.encoder(model.normalize(windows)), seed=0)
    return model


def represent(config: dict[str, Any], corpus: PackedCorpus, starts: bool = True) -> Representations:
    model = made(config, corpus, starts)
    return Representations(model, config, training_windows(model, corpus))


def waveform(corpus: PackedCorpus, row: int) -> torch.Tensor:
    return torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_each_model_has_all_representations_that_it_defines(bottleneck, corpus):
    represented = represent(small(bottleneck), corpus)
    bottleneck_of = represented.model.bottleneck
    own = {"latents"} | ({"vectors"} if bottleneck != "identity" else set())
    own |= {"codes"} if bottleneck_of.codebook_size else set()
    result = represented(waveform(corpus, 0))
    assert set(represented.names) == set(result.values) == own | BASELINES
    num = len(result.encoded.anchors)
    for name, values in result.values.items():
        assert len(values) == num and np.isfinite(values).all(), name
    assert result.values["latents"].shape == (num, represented.model.encoder.dim)
    if bottleneck_of.codebook_size:
        places = result.values["codes"]
        size, books = bottleneck_of.codebook_size, bottleneck_of.num_codebooks
        assert places.shape == (num, books)
        assert np.all(places // size == np.arange(books)), "a codebook's places are its own"
        codes = torch.from_numpy((places % size).T.copy())  # (Q, N)
        with torch.no_grad():
            vectors = represented.model.bottleneck.decode(codes[None] if books > 1 else codes)[0]
        np.testing.assert_array_equal(result.values["vectors"], vectors.t().numpy())


def test_before_a_bottleneck_quantizes_there_are_no_codes(corpus):
    config = small("vqvae")
    config["bottleneck"]["start_after"] = 5
    assert "codes" not in represent(config, corpus, starts=False).names


def test_features_that_are_the_latents_are_found_at_the_same_instants(corpus):
    represented = represent(small("vqvae", "identity"), corpus)
    assert set(represented.names) == {"latents", "vectors", "codes", "mfcc", "log_mel"}
    values = represented(waveform(corpus, 1)).values
    np.testing.assert_allclose(values["mfcc"], values["latents"], atol=1e-3)


def test_latents_do_not_depend_on_the_chunks(corpus, monkeypatch):
    represented = represent(small("ae"), corpus)
    whole = represented(waveform(corpus, 0)).values
    monkeypatch.setattr(utterance, "HOPS_AT_ONCE", 7)
    pieces = represented(waveform(corpus, 0)).values
    for name in ("latents", "vectors", "random_encoder"):
        np.testing.assert_allclose(pieces[name], whole[name], atol=1e-4)


def test_the_random_model_has_fresh_weights_and_statistics_of_the_data(corpus):
    config = small("vqvae")
    model = made(config, corpus)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    windows = training_windows(model, corpus)
    state = torch.random.get_rng_state()
    one, again, other = (random_model(config, model, windows, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state), "the global random state is unchanged"
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    weights = [each.encoder.blocks[0].convolution.weight for each in (one, again, other, model)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2]) and not torch.equal(weights[0], weights[3])
    torch.testing.assert_close(one.encoder.features.mean, model.encoder.features.mean)
    assert not one.training

    entering = []
    norm = one.encoder.blocks[0].norm
    norm.register_forward_hook(lambda _, inputs, output: entering.append(output))
    with torch.no_grad():
        one.encoder(one.normalize(windows))
    normed = entering[0].transpose(0, 1).flatten(1)  # (C, B * F)
    assert normed.mean(dim=1).abs().max() < 0.05 and (normed.std(dim=1) - 1).abs().max() < 0.1


def test_windows_are_of_training_and_the_same_again(corpus):
    model = made(small("ae"), corpus)
    windows, again = (training_windows(model, corpus) for _ in range(2))
    assert torch.equal(windows, again) and windows.dtype == torch.int16
    assert windows.shape == (min(64, len(corpus.rows("train"))), 8000)
    training = {
        corpus.read(row, 0, int(corpus.length[row])).tobytes() for row in corpus.rows("train")
    }
    first = windows[0].numpy().tobytes().rstrip(b"\0")
    assert any(first in each for each in training)


def test_the_speaker_is_harder_to_predict_after_a_bottleneck(corpus):
    """Eight codes of MFCC depend mainly on the phones."""
    represented = represent(small("vqvae"), corpus)
    choice = choose_frames(corpus, range(len(corpus)), CodeLayout(represented.model), None, 1500)
    collector = ProbeCollector(corpus, choice)
    for row in choice.rows:
        collector.add(row, represented(waveform(corpus, row)).values)
    task = speaker_task(collector.frames())
    before, after = (
        run_probe(task, name, "mlp", seeds=(0,)).accuracy.mean for name in ("latents", "codes")
    )
    assert after < before - 0.1
