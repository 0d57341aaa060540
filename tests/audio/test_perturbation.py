"""Random changes of an encoder's input: each does what it says, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from wavenet_ae.audio.features import MFCC, Features, LogMel, Waveform
from wavenet_ae.audio.perturbation import (
    Perturbation,
    add_noise,
    equalizer_gain,
    masks,
    warp_bands,
)
from wavenet_ae.encoders import ConvolutionalEncoder, FeatureEncoder
from wavenet_ae.randomness import keyed_normal, keyed_uniform
from wavenet_ae.types import InputRandomness

RATE, BATCH, LENGTH = 8000, 64, 4000
MEL = LogMel(RATE, num_mels=20)


def random_of(perturbation: Perturbation, features: Features = MEL) -> InputRandomness:
    uniforms = perturbation.num_uniforms(features, LENGTH)
    noise = perturbation.num_noise_samples(LENGTH)
    return InputRandomness(
        torch.from_numpy(keyed_uniform((BATCH, uniforms), 1, "uniform")),
        torch.from_numpy(keyed_normal((BATCH, noise), 1, "noise")) if noise else None,
    )


def ones(features: Features = MEL, batch: int = BATCH) -> Tensor:
    return torch.ones(batch, features.dim, features.chain.output_length(LENGTH))


@pytest.mark.parametrize("snr", [-3.0, 0.0, 20.0])
def test_noise_has_its_signal_to_noise_ratio(snr):
    waveform = torch.randn(3, 20_000) * torch.tensor([[0.1], [0.01], [0.0]])
    noisy = add_noise(waveform, torch.randn(3, 20_000), torch.full((3,), snr))
    added = (noisy - waveform).square().mean(dim=1)
    found = 10 * torch.log10(waveform.square().mean(dim=1)[:2] / added[:2])
    assert found.tolist() == pytest.approx([snr, snr], abs=0.2)
    assert added[2] == 0, "silence stays silence"


def test_a_warp_by_1_changes_nothing():
    frames = torch.randn(2, 20, 7)
    warped = warp_bands(frames, MEL.bands_hz, torch.ones(2))
    torch.testing.assert_close(warped, frames, rtol=0, atol=1e-5)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_warp_moves_a_peak_by_its_factor(factor):
    """A formant at f is found at f / a, in each of many mel bands."""
    features = LogMel(16_000, num_mels=120)
    edges = np.linspace(*(2595 * np.log10(1 + np.array(features.bands_hz) / 700)), 122)
    hz = 700 * (10 ** (edges[1:-1] / 2595) - 1)
    frames = torch.from_numpy(np.exp(-0.5 * ((hz - 1500) / 150) ** 2))[None, :, None]
    warped = warp_bands(frames, features.bands_hz, torch.tensor([factor]))[0, :, 0]
    assert hz[int(warped.argmax())] == pytest.approx(1500 / factor, rel=0.02)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_warp_keeps_the_ends_and_the_order(factor):
    line = torch.arange(20.0)[None, :, None]
    warped = warp_bands(line, MEL.bands_hz, torch.tensor([factor]))[0, :, 0]
    assert (warped.diff() >= 0).all() and warped[-1] == pytest.approx(19, abs=0.5)
    assert warped[0] == pytest.approx(0, abs=0.5)


def test_an_equalizer_is_smooth_and_its_first_cosine_a_level():
    level = equalizer_gain(torch.tensor([[2.0, 0, 0, 0]]), 20)
    torch.testing.assert_close(level, torch.full((1, 20), 2.0))
    tilt = equalizer_gain(torch.tensor([[0, 1.0, 0, 0]]), 20)[0]
    assert tilt[0] == pytest.approx(1) and tilt[-1] == pytest.approx(-1)
    assert (tilt.diff() < 0).all()


def test_the_gain_of_an_equalizer_is_in_decibels():
    perturbation = Perturbation(RATE, equalizer_db=3.0)
    features = LogMel(RATE, num_mels=20)
    features.deviation.fill_(2.0)
    changed = perturbation.frames(ones(), features, random_of(perturbation)) - ones()
    assert (changed == changed[..., :1]).all(), "the same at all times"
    decibels = changed[..., 0] * 2.0 * 10 / np.log(10)
    # of the middle band: cosines of 0, pi/2, pi, 3 pi/2 times pi; all four of the first
    assert float(decibels[:, 0].std()) == pytest.approx(3.0 * 2, rel=0.25)


def test_masks_lie_inside_and_are_as_long_as_asked():
    start = torch.tensor([[0.0, 0.999999], [0.5, 0.2]])
    length = torch.tensor([[3.0, 2.0], [10.0, 4.0]])
    found = masks(start, length, torch.tensor([2, 1]), 10)
    assert found[0].nonzero()[:, 0].tolist() == [0, 1, 2, 8, 9]
    assert found[1].all()
    assert not masks(start, length, torch.tensor([0, 0]), 10).any()


def test_masks_of_time_cover_their_fraction_in_runs_of_their_length():
    perturbation = Perturbation(RATE, time_mask_fraction=0.3, time_mask_seconds=0.05)
    random = random_of(perturbation)
    changed = perturbation.frames(ones(), MEL, random)
    is_masked = perturbation.masked_frames(MEL, changed.shape[2], random)
    assert torch.equal(changed, ones().masked_fill(is_masked[:, None], 0))
    # masks of 5 frames that may overlap: 1 - exp(-.3)
    assert float(is_masked.float().mean()) == pytest.approx(0.26, abs=0.03)
    lengths = [len(run) for row in is_masked for run in runs(row.tolist())]
    assert min(lengths) >= 2 and np.median(lengths) == pytest.approx(5, abs=1)


def runs(marked: Sequence[bool]) -> list[str]:
    return [run for run in "".join("x" if each else " " for each in marked).split() if run]


def test_masks_of_bands_cover_neighbors_at_all_times():
    perturbation = Perturbation(RATE, num_band_masks=1, max_masked_bands=0.5)
    changed = perturbation.frames(ones(), MEL, random_of(perturbation))
    is_masked = changed[..., 0] == 0
    assert torch.equal(changed == 0, is_masked[..., None].expand_as(changed))
    widths = is_masked.sum(dim=1)
    assert set(widths.tolist()) == set(range(11)), "0 to half of 20, all of them among 64"
    assert all(len(runs(row.tolist())) <= 1 for row in is_masked)


@pytest.mark.parametrize(
    "settings", [{"max_warp": 0.1}, {"equalizer_db": 1.0}, {"num_band_masks": 1}]
)
def test_what_needs_mel_bands_is_refused_without(settings):
    (name,) = settings
    perturbation = Perturbation(RATE, **settings)
    assert perturbation.usable_with(MEL) is perturbation
    for features in (MFCC(RATE, num_mels=26), Waveform()):
        kind = type(features).__name__
        with pytest.raises(ValueError, match=rf"{name} is .*{kind} has no mel bands: set"):
            perturbation.usable_with(features)


@pytest.mark.parametrize("features", [MFCC(RATE, num_mels=26), Waveform(), MEL])
def test_noise_and_masks_of_time_suit_any_features(features):
    settings = {"noise_snr_db": [0, 10], "time_mask_fraction": 0.5, "time_mask_seconds": 0.02}
    perturbation = Perturbation(RATE, **settings).usable_with(features)
    random = random_of(perturbation, features)
    noisy = perturbation.waveform(torch.ones(BATCH, LENGTH), random)
    changed = perturbation.frames(ones(features), features, random)
    assert noisy.std(dim=1).min() > 0.2
    assert 0.2 < float((changed == 0).float().mean()) < 0.6


def test_items_have_changes_of_their_own():
    perturbation = Perturbation(RATE, [0, 10], 0.2, 3.0, 0.3, 0.05, 2)
    random = random_of(perturbation)
    frames = perturbation.frames(torch.randn(20, 48).expand(BATCH, 20, 48), MEL, random)
    assert len(frames.flatten(1).unique(dim=0)) == BATCH
    alone = InputRandomness(random.uniform[5:6], random.noise[5:6])
    waveform = torch.randn(BATCH, LENGTH)
    noisy = perturbation.waveform(waveform, random)
    torch.testing.assert_close(perturbation.waveform(waveform[5:6], alone), noisy[5:6])


def test_a_perturbation_changes_nothing_by_default():
    assert Perturbation(RATE).usable_with(MEL) is None
    assert Perturbation(RATE).usable_with(MFCC(RATE, num_mels=26)) is None


@pytest.mark.parametrize("ratios", [[10], [20, 10], [1, 2, 3]])
def test_ratios_are_a_lowest_and_a_highest(ratios):
    with pytest.raises(ValueError, match=r"noise_snr_db is .*set the lowest and the highest"):
        Perturbation(RATE, noise_snr_db=ratios)


def test_masked_latents_are_those_that_stand_at_masked_frames():
    """Without layers, a latent is a frame: it is 0 exactly where it is said to be masked."""
    perturbation = Perturbation(RATE, time_mask_fraction=0.4)
    encoder = FeatureEncoder(LogMel(RATE, num_mels=20), perturbation)
    random = random_of(perturbation, encoder.features)
    waveform = torch.randn(BATCH, LENGTH, generator=torch.Generator().manual_seed(0))
    latents = encoder(waveform, random=random)
    masked = encoder.masked_latents(LENGTH, random)
    assert masked is not None and 0.1 < float(masked.float().mean()) < 0.9
    assert torch.equal(masked, (latents == 0).all(dim=1))
    assert encoder.masked_latents(LENGTH, None) is None


def test_masked_latents_of_a_stack_stand_on_its_own_grid():
    perturbation = Perturbation(RATE, time_mask_fraction=0.4)
    features = LogMel(RATE, num_mels=20)
    encoder = ConvolutionalEncoder(
        features, 4, kernels=[3, 3, 3], strides=[1, 2, 1], perturbation=perturbation
    )
    random = random_of(perturbation, features)
    masked = encoder.masked_latents(LENGTH, random)
    frames = perturbation.masked_frames(features, features.chain.output_length(LENGTH), random)
    assert masked is not None and masked.shape == (BATCH, encoder.chain.output_length(LENGTH))
    for code in range(masked.shape[1]):
        reads = sorted(
            (encoder.chain.grid().anchor(code) - features.chain.grid().anchor(f), f)
            for f in range(frames.shape[1])
        )
        nearest = min(reads, key=lambda each: abs(each[0]))[1]
        assert torch.equal(masked[:, code], frames[:, nearest]), code
