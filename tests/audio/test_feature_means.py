"""Means of the features of whole recordings, block by block."""

from __future__ import annotations

import pytest
import torch

from wavenet_ae.audio import feature_means
from wavenet_ae.audio.feature_means import frame_sums, recording_mean
from wavenet_ae.audio.features import MFCC, Features, LogMel
from wavenet_ae.audio.waveforms import FULL_SCALE

KINDS = {
    "mfcc": lambda: MFCC(8000, num_mels=26, normalization="utterance"),
    "log_mel": lambda: LogMel(8000, num_mels=20, normalization="utterance"),
}


@pytest.fixture(params=KINDS)
def features(request) -> Features:
    return KINDS[request.param]()


def recording(num_samples: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (3000 * torch.randn(num_samples, generator=generator)).short()


@pytest.mark.parametrize("num_samples", [5001, 8000])
def test_pieces_have_the_frames_of_the_whole(features, num_samples, monkeypatch):
    waveform = recording(num_samples)
    whole = features.double().frames(waveform[None].double() / FULL_SCALE)[0]
    monkeypatch.setattr(feature_means, "FRAMES_AT_ONCE", 7)
    total, count = frame_sums(features, [waveform])
    assert count == whole.shape[1] == features.chain.output_length(num_samples)
    torch.testing.assert_close(total, whole.sum(dim=1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [1, 13, 160, 2999, 9000])
def test_blocks_change_nothing(features, size, monkeypatch):
    """To the last bit, in single precision."""
    monkeypatch.setattr(feature_means, "FRAMES_AT_ONCE", 7)
    waveform = recording(4001)
    blocks = [waveform[:0], *waveform.split(size)]
    assert torch.equal(recording_mean(features, blocks), recording_mean(features, [waveform]))


def test_a_recording_shorter_than_a_frame_is_followed_by_silence(features):
    field = features.chain.receptive_field
    padded = torch.nn.functional.pad(recording(50), (0, field - 50))
    assert torch.equal(
        recording_mean(features, [recording(50)]), recording_mean(features, [padded])
    )
    assert recording_mean(features, []).isfinite().all()


def test_a_recording_minus_its_mean_has_none(features):
    waveform = recording(8000)
    mean = recording_mean(features.double(), [waveform])
    frames = features(waveform[None].double() / FULL_SCALE, mean[None])
    assert frames.mean(dim=2).abs().max() < 1e-9


def test_a_channel_s_gain_changes_nothing():
    """What normalization per recording is for: a quieter recording has the same features."""
    loud = recording(8000).double()
    features = LogMel(8000, num_mels=20, normalization="utterance").double()
    found = []
    for gain in (1.0, 0.25):
        samples = (gain * loud)[None] / FULL_SCALE
        found.append(features(samples, features.frames(samples).mean(dim=2)))
    torch.testing.assert_close(*found, rtol=0, atol=1e-3)


def test_means_are_neither_forgotten_nor_ignored():
    waveform, mean = torch.zeros(1, 400), torch.zeros(1, 20)
    with pytest.raises(ValueError, match="normalization=speaker needs feature_mean"):
        LogMel(8000, num_mels=20, normalization="speaker")(waveform)
    with pytest.raises(ValueError, match="normalization=corpus takes no feature_mean"):
        LogMel(8000, num_mels=20)(waveform, mean)


def test_the_deviation_is_that_from_the_means(features):
    """Recordings whose means differ much have a small deviation from their own."""
    waveforms = [gain * recording(8000)[None].float() / FULL_SCALE for gain in (1.0, 0.01)]
    means = [features.frames(each).mean(dim=2) for each in waveforms]
    features.fit(waveforms, means)
    frames = [features(*pair) for pair in zip(waveforms, means, strict=True)]
    frames = torch.cat(frames, dim=2)[0]
    ones = torch.ones(features.dim)
    torch.testing.assert_close(frames.std(dim=1), ones, rtol=0, atol=1e-2)
    torch.testing.assert_close(features.mean[:, 0], torch.cat(means).mean(dim=0))
