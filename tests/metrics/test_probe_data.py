"""Samples of frames: bounded, uniform, reproducible, and with flat memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from helpers.configs import small

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.labels import EXCLUDED, UNLABELED
from wavenet_ae.metrics.probe_data import FrameChoice, ProbeCollector, choose_frames
from wavenet_ae.metrics.representations import anchors_inside, encode_with_anchors
from wavenet_ae.models import WaveformAutoencoder, build
from wavenet_ae.models.utterance import CodeLayout


@pytest.fixture(scope="module")
def model() -> WaveformAutoencoder:
    torch.manual_seed(0)
    return build(small("rvq"), ["a"]).eval()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=3, minutes=0.8)
    return PackedCorpus(pack(source, str(folder / "packed"), 8000, Splits()))


@pytest.fixture(scope="module")
def layout(model) -> CodeLayout:
    return CodeLayout(model)


def phones_of(row: int, anchors: np.ndarray) -> np.ndarray:
    """Every fourth frame has no phone, every fourth one that is excluded."""
    return np.array([UNLABELED, EXCLUDED, 5, 7])[np.arange(len(anchors)) % 4]


def places(choice: FrameChoice) -> list[tuple[int, int]]:
    return list(zip(choice.utterance.tolist(), choice.place.tolist(), strict=True))


def test_at_most_max_frames_labeled_frames_are_chosen(corpus, layout):
    rows = range(len(corpus))
    choice = choose_frames(corpus, rows, layout, phones_of, max_frames=50, max_utterances=2)
    total = sum(len(anchors_inside(layout, int(each))) for each in corpus.length)
    assert len(places(choice)) == len(set(places(choice))) == 50
    assert places(choice) == sorted(places(choice))
    assert choice.num_eligible + choice.num_unlabeled == total
    assert abs(choice.num_eligible - total / 2) <= len(corpus)
    assert set(choice.place % 4) == {2, 3}
    np.testing.assert_array_equal(choice.phone, np.where(choice.place % 4 == 2, 5, 7))
    assert len(choice.whole) == 2 and choice.whole <= set(choice.rows) <= set(rows)


def test_without_labels_all_frames_may_be_chosen(corpus, layout):
    choice = choose_frames(corpus, [0, 2], layout, None, max_frames=10**6)
    anchors = [len(anchors_inside(layout, int(corpus.length[row]))) for row in (0, 2)]
    assert places(choice) == [(0, n) for n in range(anchors[0])] + [
        (2, n) for n in range(anchors[1])
    ]
    assert choice.num_unlabeled == 0 and set(choice.phone) == {UNLABELED}
    assert choice.rows == [0, 2]


def test_a_seed_gives_the_same_frames_and_another_others(corpus, layout):
    rows = range(len(corpus))
    one, again, backwards, other = (
        places(choose_frames(corpus, order, layout, None, max_frames=40, seed=seed))
        for order, seed in ((rows, 0), (rows, 0), (rows[::-1], 0), (rows, 1))
    )
    assert one == again == backwards and one != other


def test_every_frame_is_equally_likely(corpus, layout):
    """Over 400 seeds, frames of short and long utterances are chosen equally often."""
    rows = range(len(corpus))
    num = np.array([len(anchors_inside(layout, int(each))) for each in corpus.length])
    counts = np.zeros(len(corpus))
    for seed in range(400):
        choice = choose_frames(corpus, rows, layout, None, max_frames=20, seed=seed)
        counts += np.bincount(choice.utterance, minlength=len(corpus))
    expected = 8000 * num / num.sum()
    assert np.all(np.abs(counts - expected) < 4.5 * np.sqrt(expected))


def test_memory_does_not_grow_with_the_corpus(corpus, layout):
    def peak(times: int) -> int:
        rows = list(range(len(corpus))) * times
        tracemalloc.start()
        choose_frames(corpus, rows, layout, phones_of, max_frames=100, max_utterances=3)
        (_, most), _ = tracemalloc.get_traced_memory(), tracemalloc.stop()
        return most

    peak(1)
    assert peak(30) < 1.2 * peak(1) + 30 * len(corpus) * 64  # rows themselves: numbers in a list


def test_the_collector_keeps_the_chosen_frames(corpus, layout, model):
    choice = choose_frames(corpus, range(len(corpus)), layout, phones_of, 60, max_utterances=3)
    collector = ProbeCollector(corpus, choice)
    latents, codes = {}, {}
    for row in choice.rows:
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        encoded = encode_with_anchors(model, waveform)
        latents[row], codes[row] = encoded.latents, encoded.codes + 8 * np.arange(3)
        collector.add(row, {"latents": latents[row], "codes": codes[row]})
    frames, means = collector.frames(), collector.means()

    wanted = np.stack([latents[row][place] for row, place in places(choice)])
    np.testing.assert_array_equal(frames.values["latents"], wanted)
    ones = frames.values["codes"].toarray()
    assert ones.shape[0] == 60 and np.all(ones.sum(axis=1) == 3)
    for (row, place), each in zip(places(choice), ones, strict=True):
        assert set(np.flatnonzero(each)) == set(codes[row][place])
    np.testing.assert_array_equal(frames.speaker, corpus.speaker[frames.utterance])

    assert means.phone is None and means.utterance.tolist() == sorted(choice.whole)
    for row, mean, share in zip(
        means.utterance, means.values["latents"], means.values["codes"].toarray(), strict=True
    ):
        np.testing.assert_allclose(mean, latents[row].mean(axis=0), rtol=1e-5, atol=1e-6)
        counts = np.bincount(codes[row].ravel(), minlength=len(share))
        np.testing.assert_allclose(share, counts / len(codes[row]), rtol=1e-5)
