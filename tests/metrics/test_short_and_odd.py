"""Encoding and evaluation accept whatever was packed: the shortest, the silent, the clipped."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small
from helpers.hostile import USABLE

from wavenet_ae.audio import io as files
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.evaluation.demo_summary import units_of_run
from wavenet_ae.metrics.representations import Representations, encode_with_anchors
from wavenet_ae.models import build

RATE, HOP = 8000, 160


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build(small("vqvae_ema"), ["a"]).eval()


@pytest.fixture(scope="module")
def continuous():
    torch.manual_seed(0)
    return build(small("identity"), ["a"]).eval()


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3000, num_samples).astype(np.int16)


def encode(model, samples: np.ndarray):
    encoded = encode_with_anchors(model, torch.from_numpy(samples))
    assert len(encoded.anchors) == len(encoded.vectors) == len(encoded.codes) >= 1
    assert np.isfinite(encoded.vectors).all()
    return encoded


@pytest.mark.parametrize("num_samples", [1, 5, 10, 40, 79, 80, 81, HOP - 1, HOP, HOP + 1, 200])
def test_the_shortest_recordings_have_a_code_that_depends_on_them(model, continuous, num_samples):
    encoded = encode(model, noise(num_samples))
    assert len(encoded.codes) in (num_samples // HOP, num_samples // HOP + 1)
    assert np.all((encoded.anchors >= 0) & (encoded.anchors < max(num_samples, HOP)))
    first, second = (
        encode_with_anchors(continuous, torch.from_numpy(noise(num_samples, seed))).vectors
        for seed in (0, 1)
    )
    assert not np.allclose(first, second)


@pytest.mark.parametrize("num_samples", [1, 2 * HOP - 1, 2 * HOP, 2 * HOP + 1, 4000])
def test_baselines_reach_every_code_of_few_a_second(num_samples):
    config = small("vqvae_ema")
    config["encoder"]["strides"] = [1, 2, 2]
    config["model"]["upsampling"].update(strides=[8], kernels=[16])
    model = build(config, ["a"]).eval()
    assert model.alignment.code_hop == 2 * HOP
    represent = Representations(model, config, torch.from_numpy(noise(8000)).reshape(4, 2000))
    represented = represent(torch.from_numpy(noise(num_samples)))
    lengths = {name: len(each) for name, each in represented.values.items()}
    assert {"mfcc", "log_mel"} <= lengths.keys() and len(set(lengths.values())) == 1


def test_a_recording_without_samples_is_a_value_error(model):
    with pytest.raises(ValueError, match="no samples"):
        encode_with_anchors(model, torch.zeros(0, dtype=torch.int16))


@pytest.mark.parametrize("num_samples", [10, 4000])
def test_silence_and_full_scale_have_finite_latents_and_vectors(model, continuous, num_samples):
    square = np.where(np.arange(num_samples) // 20 % 2, 32767, -32768).astype(np.int16)
    constant = [np.full(num_samples, level, np.int16) for level in (0, 32767)]
    for samples in (*constant, square):
        for each in (model, continuous):
            encoded = encode_with_anchors(each, torch.from_numpy(samples))
            assert len(encoded.latents) == len(encoded.vectors) == max(1, num_samples // HOP)
            assert np.isfinite(encoded.latents).all() and np.isfinite(encoded.vectors).all()


@pytest.mark.parametrize("name", USABLE)
def test_every_odd_recording_is_encoded(model, name, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(USABLE[name].content)
    samples = files.read(path, RATE).samples
    encoded = encode(model, samples)
    assert abs(len(encoded.codes) - len(samples) / HOP) <= 1


def test_units_are_evaluated_though_some_recordings_are_very_short(model, tmp_path):
    for number, num_samples in enumerate([16_000, 16_000, 10, 80, 200, 1000]):
        path = tmp_path / "root" / "a" / f"{number}.wav"
        files.write(path, noise(num_samples, number), RATE)
        end = 2 * num_samples  # labels count at 16 kHz
        path.with_suffix(".phn").write_text(f"0 {end // 2} a\n{end // 2} {end} b\n")
    source = FolderSource(str(tmp_path / "root"))
    corpus = PackedCorpus(pack(source, str(tmp_path / "cache"), RATE, Splits(validation=0.3)))
    evaluated = units_of_run(model, corpus)
    codes = [
        len(encode(model, corpus.read(row, 0, int(n))).codes) for row, n in enumerate(corpus.length)
    ]
    assert evaluated.frames.sum() == sum(codes)
    assert evaluated.units.num_frames + evaluated.units.num_unlabeled == sum(codes)
    assert np.isfinite([evaluated.units.pnmi, evaluated.baseline.pnmi]).all()
