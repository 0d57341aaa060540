"""Means of recordings and of speakers, given to windows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from wavenet_ae.audio import io as files
from wavenet_ae.audio.feature_means import frame_sums
from wavenet_ae.audio.features import LogMel
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.feature_means import FeatureMeans
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource
from wavenet_ae.data.splits import Undivided
from wavenet_ae.data.windows import WindowReader

RATE = 8000
LENGTHS = {"anna/0": 4000, "anna/1": 9001, "anna/2": 500, "bert/3": 3000}
SETTINGS = {"_target_": "wavenet_ae.audio.features.LogMel", "num_mels": 20}


def features(normalization: str) -> LogMel:
    return LogMel(RATE, num_mels=20, normalization=normalization)


@pytest.fixture
def corpus(tmp_path) -> PackedCorpus:
    for seed, (name, length) in enumerate(LENGTHS.items()):
        samples = np.random.default_rng(seed).normal(0, 500 * (seed + 1), length)
        files.write(tmp_path / "root" / f"{name}.wav", samples.astype(np.int16), RATE)
    source = FolderSource(str(tmp_path / "root"))
    return PackedCorpus(pack(source, str(tmp_path / "cache"), RATE, Undivided()))


def sums(corpus: PackedCorpus, row: int) -> tuple[torch.Tensor, int]:
    samples = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
    return frame_sums(features("utterance"), [samples])


def test_an_utterance_has_its_own_mean(corpus):
    rows = np.array([3, 0, 3])
    found = FeatureMeans(features("utterance"), corpus).of(rows)
    expected = [total / count for total, count in (sums(corpus, row) for row in rows)]
    assert found.shape == (3, 20) and found.dtype == torch.float32
    torch.testing.assert_close(found, torch.stack(expected).float())


def test_a_speaker_s_mean_is_over_the_frames_of_all_recordings(corpus):
    found = FeatureMeans(features("speaker"), corpus, of_speakers=True).of(np.array([2, 1, 3]))
    of_anna = [sums(corpus, row) for row in range(3)]
    expected = sum(total for total, _ in of_anna) / sum(count for _, count in of_anna)
    torch.testing.assert_close(found[0], expected.float())
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_windows_come_with_the_means_of_their_recordings(corpus):
    means = FeatureMeans(features("utterance"), corpus)
    reader = WindowReader(corpus, np.array([1, 3]), 1000, feature_means=means)
    batch = reader.batch(np.array([[1, 0], [0, 200], [0, 4000]]))
    assert torch.equal(batch.feature_mean, means.of(np.array([3, 1, 1])))
    moved = batch.to("cpu").pin_memory() if torch.cuda.is_available() else batch.to("cpu")
    assert torch.equal(moved.feature_mean, batch.feature_mean)
    assert WindowReader(corpus, np.array([1]), 9).batch(np.array([[0, 0]])).feature_mean is None


def the_file(corpus: PackedCorpus) -> Path:
    (path,) = corpus.folder.glob("feature-sums-*.npz")
    return path


def test_sums_are_kept_for_the_next_run_whoever_they_are_of(corpus, monkeypatch):
    first = FeatureMeans(features("utterance"), corpus)
    first.compute_all({**SETTINGS, "normalization": "utterance"})
    monkeypatch.setattr(FeatureMeans, "_add", lambda self, row: pytest.fail("computed again"))
    second = FeatureMeans(features("speaker"), corpus, of_speakers=True)
    second.compute_all({**SETTINGS, "normalization": "speaker"})
    assert torch.equal(second.of(np.array([3])), first.of(np.array([3])))


def test_other_settings_have_other_sums(corpus):
    FeatureMeans(features("utterance"), corpus).compute_all(SETTINGS)
    other = FeatureMeans(LogMel(RATE, num_mels=16, normalization="utterance"), corpus)
    other.compute_all({**SETTINGS, "num_mels": 16})
    double = FeatureMeans(features("utterance").double(), corpus)
    double.compute_all(SETTINGS)
    assert other.of(np.array([0])).shape == (1, 16)
    assert len([*corpus.folder.glob("feature-sums-*.npz")]) == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "of another corpus"])
def test_a_damaged_file_is_computed_again(corpus, damage):
    means = FeatureMeans(features("utterance"), corpus)
    means.compute_all(SETTINGS)
    expected, path = means.of(np.arange(4)), the_file(corpus)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[200] ^= 1
        path.write_bytes(content)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        np.savez(path, total=np.ones((2, 20)), count=np.ones(2, dtype=np.int64))
    again = FeatureMeans(features("utterance"), corpus)
    again.compute_all(SETTINGS)
    assert torch.equal(again.of(np.arange(4)), expected)
    assert FeatureMeans(features("utterance"), corpus)._read(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_corpus_that_cannot_be_written_to_is_used_all_the_same(corpus):
    corpus.folder.chmod(0o500)
    try:
        means = FeatureMeans(features("utterance"), corpus)
        means.compute_all(SETTINGS)
        assert means.of(np.array([0])).isfinite().all()
    finally:
        corpus.folder.chmod(0o700)
