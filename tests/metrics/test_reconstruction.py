"""Resynthesis of utterances: choice, codes, voices, and quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.configs import small

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.metrics import sound_quality as quality_module
from wavenet_ae.metrics.reconstruction import (
    OTHER_CODES,
    RECONSTRUCTION,
    TO_HIGHEST,
    TO_LOWEST,
    Resynthesis,
    choose,
    codes_of,
    plan_resyntheses,
    repeated,
    resynthesize,
    through_mu_law,
)
from wavenet_ae.metrics.sound_quality import mean, means, missing_packages, sound_quality
from wavenet_ae.models import WaveformAutoencoder, build

RATE = 8000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder: Path = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=3, minutes=2.5)
    return PackedCorpus(pack(source, str(folder / "packed"), RATE, Splits(validation=0.3)))


@pytest.fixture(scope="module")
def model(corpus) -> WaveformAutoencoder:
    torch.manual_seed(0)
    built = build(small("vqvae_ema"), corpus.speakers[:2]).eval()
    built.bottleneck.is_quantizing.fill_(True)
    assert isinstance(built, WaveformAutoencoder)
    return built


def test_known_speakers_take_turns_and_their_voices_are_measured(model, corpus):
    rows = corpus.rows("validation")
    originals = choose(model, corpus, rows, count=4, seconds=0.5)
    assert [originals.speakers.count(name) for name in corpus.speakers] == [2, 2, 0]
    assert all(len(each) == RATE // 2 and each.dtype == np.int16 for each in originals.samples)
    assert sorted(originals.voices) == corpus.speakers[:2]
    assert all(70 < hz < 400 for hz in originals.voices.values())
    held_out = {corpus.keys[row] for row in rows}
    assert set(originals.names) <= held_out and len(set(originals.names)) == 4


def test_a_model_without_known_speakers_reconstructs_unknown_ones(corpus):
    torch.manual_seed(0)
    stranger = build(small("ae"), ["zoe"]).eval()
    originals = choose(stranger, corpus, corpus.rows("validation"), count=2, seconds=0.3)
    assert len(originals.samples) == 2 and originals.voices == {}
    kinds = [each.kind for each in plan_resyntheses(stranger, originals)]
    assert kinds == [RECONSTRUCTION, OTHER_CODES] * 2


def test_each_utterance_is_planned_to_be_resynthesized_in_each_way(model, corpus):
    originals = choose(model, corpus, corpus.rows("validation"), count=2, seconds=0.5)
    sounds = list(plan_resyntheses(model, originals))
    kinds = [RECONSTRUCTION, OTHER_CODES, TO_LOWEST, TO_HIGHEST]
    assert [each.kind for each in sounds] == 2 * kinds
    low, high = sorted(originals.voices, key=originals.voices.__getitem__)
    assert [each.voice for each in sounds[2:4]] == [low, high]
    assert [each.voice for each in sounds[:2]] == 2 * [originals.speakers[0]]
    own, other = (model.encode(each, RATE) for each in originals.samples)
    assert torch.equal(sounds[0].codes["codes"], own)
    assert torch.equal(sounds[1].codes["codes"], other)


def test_codes_are_repeated_to_any_length():
    codes = torch.arange(6).view(2, 3)
    assert repeated(codes, 5).tolist() == [[0, 1, 2, 0, 1], [3, 4, 5, 3, 4]]
    assert repeated(codes, 2).tolist() == [[0, 1], [3, 4]]


def test_sounds_are_as_long_as_their_originals_whatever_is_beside_them(model, corpus):
    originals = choose(model, corpus, corpus.rows("validation"), count=2, seconds=0.21)
    engine = make_engine("reference", model.decoder)
    sounds = list(plan_resyntheses(model, originals))

    def made(some: list[Resynthesis]) -> list[np.ndarray]:
        chunks = list(resynthesize(model, originals, some, engine, Sampling()))
        return [np.concatenate([chunk[row] for chunk in chunks]) for row in range(len(some))]

    together = made(sounds)
    assert [len(each) for each in together] == [round(0.21 * RATE)] * len(sounds)
    assert (made(sounds[:1])[0] == together[0]).mean() > 0.99  # rounding may change a sampled level


def test_the_original_is_nearest_to_itself(model, corpus):
    originals = choose(model, corpus, corpus.rows("validation"), count=1, seconds=2.0)
    (original,) = originals.samples
    sound = Resynthesis(RECONSTRUCTION, 0, codes_of(model, original), originals.speakers[0])
    same, mu_law, noise = (
        sound_quality(model, originals, sound, each)
        for each in (
            original,
            through_mu_law(model, original),
            np.random.default_rng(0).normal(0, 3000, len(original)).astype(np.int16),
        )
    )
    assert same.lsd_db == same.mcd_db == 0 and same.same_codes == 1
    assert same.f0_hz == same.original_f0_hz
    assert same.voice_f0_hz == originals.voices[originals.speakers[0]]
    assert 0 < mu_law.lsd_db < noise.lsd_db and 0 < mu_law.mcd_db < noise.mcd_db
    assert mu_law.same_codes > noise.same_codes
    if not missing_packages():
        assert same.pesq > 4.4 and same.stoi == pytest.approx(1)
        assert same.pesq > mu_law.pesq > noise.pesq and mu_law.stoi > noise.stoi


def test_without_their_packages_only_some_metrics_are_missing(model, corpus):
    originals = choose(model, corpus, corpus.rows("validation"), count=1, seconds=1.0)
    sound = Resynthesis(RECONSTRUCTION, 0, codes_of(model, originals.samples[0]), "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality_module, "find_spec", lambda name: None)
        quality = sound_quality(model, originals, sound, originals.samples[0])
        assert missing_packages() == ["pesq", "pystoi"]
    assert np.isnan([quality.pesq, quality.stoi, quality.voice_f0_hz]).all()
    assert quality.lsd_db == 0


@pytest.mark.parametrize("num_samples", [1, 300])
def test_short_and_silent_waveforms_have_nan_for_undefined_metrics(model, corpus, num_samples):
    originals = choose(
        model, corpus, corpus.rows("validation"), count=1, seconds=num_samples / RATE
    )
    sound = Resynthesis(RECONSTRUCTION, 0, codes_of(model, originals.samples[0]), "")
    quality = sound_quality(model, originals, sound, np.zeros(num_samples, np.int16))
    assert np.isnan([quality.f0_hz, quality.pesq, quality.stoi]).all()


def test_means_leave_out_what_is_missing():
    found = mean([1.0, 2.0, float("nan"), 3.0])
    assert (found.value, found.count) == (2.0, 3)
    assert found.error == pytest.approx(1 / np.sqrt(3))
    assert np.isnan(mean([]).value) and np.isnan(mean([5.0]).error)
    qualities = [quality_module.SoundQuality(*[float(n)] * 8) for n in (1, 3)]
    assert {each.value for each in means(qualities).values()} == {2.0}
