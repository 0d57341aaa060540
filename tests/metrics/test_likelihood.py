"""Likelihood of whole utterances follows the model's definition, and counts every sample once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.configs import language_model, small
from helpers.feature_means import own_means

from wavenet_ae.audio import io as files
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.metrics import likelihood as module
from wavenet_ae.metrics.likelihood import Likelihood, likelihood
from wavenet_ae.models import GenerativeModel, build

RATE = 8000
LENGTHS = (4000, 9001, 70)


def model_of(
    bottleneck: str = "ae",
    speakers: tuple[str, ...] = ("anna", "bert"),
    encoder: str = "mfcc",
) -> GenerativeModel:
    torch.manual_seed(0)
    return build(small(bottleneck, encoder), list(speakers)).eval()


def noise(num_samples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3000, num_samples).astype(np.int16)


def corpus_of(folder: Path, recordings: dict[str, np.ndarray]) -> PackedCorpus:
    for name, samples in recordings.items():
        files.write(folder / "root" / f"{name}.wav", samples, RATE)
    source = FolderSource(str(folder / "root"))
    return PackedCorpus(pack(source, str(folder / "cache"), RATE, Splits(validation=0.5)))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    recordings = {f"anna/{n}": noise(length, n) for n, length in enumerate(LENGTHS)}
    recordings["carl/3"] = noise(3000, 3)
    return corpus_of(tmp_path_factory.mktemp("corpus"), recordings)


def last(model: GenerativeModel, corpus: PackedCorpus, rows: list[int]) -> Likelihood:
    *_, (num_done, sums) = likelihood(model, corpus, np.array(rows))
    assert num_done == corpus.length[rows].sum()
    return sums


@torch.no_grad()
def at_once(model: GenerativeModel, corpus: PackedCorpus, row: int) -> np.ndarray:
    """(T,) nats of an utterance that is predicted in one window, silence around it."""
    length = int(corpus.length[row])
    plan = model.window(-(-length // int(model.hop)) * int(model.hop))
    left, right = plan.margins
    samples = torch.from_numpy(corpus.read(row, 0, length))
    padded = F.pad(samples, (left, right + plan.num_targets - length))[None]
    speaker = torch.tensor([model.speaker_row(corpus.speakers[corpus.speaker[row]])])
    mean = own_means(model, samples[None])
    nll = model(padded, speaker, plan, feature_mean=mean).nll
    return nll.double().numpy()[0, :length]


@pytest.mark.parametrize(
    ("bottleneck", "encoder"),
    [("ae", "mfcc"), ("vqvae_ema", "mfcc"), ("rvq", "mfcc"), ("ae", "units")],
)
def test_the_nll_of_a_sample_is_the_same_in_windows_and_in_one_piece(bottleneck, encoder, corpus):
    model = model_of(bottleneck, encoder=encoder)
    sums = last(model, corpus, [0, 1, 2, 3])
    assert sums.num_targets[0].tolist() == corpus.length.tolist()
    whole = [at_once(model, corpus, row).sum() for row in range(4)]
    np.testing.assert_allclose(sums.nats[0], whole, rtol=1e-5)
    assert sums.mean("all") == pytest.approx(sum(whole) / corpus.length.sum(), rel=1e-5)


def test_interior_samples_read_nothing_beyond_the_ends(tmp_path):
    """Their NLL is the same in a longer recording; that of samples nearer to the ends is not."""
    model, long = model_of(), noise(6400, 0)
    hop = int(model.hop)
    cut = slice(10 * hop, 30 * hop)
    corpus = corpus_of(tmp_path, {"anna/cut": long[cut], "anna/long": long})
    short, whole = (corpus.keys.index(f"anna/{name}.wav") for name in ("cut", "long"))
    left, right = model.window(hop).margins
    nats = at_once(model, corpus, whole)[cut]
    sums = last(model, corpus, [short])
    inside = nats[left : len(nats) - right]
    assert sums.num_targets[1, 0] == len(inside) > 500
    assert sums.nats[1, 0] == pytest.approx(inside.sum(), rel=1e-6)
    assert abs(sums.nats[0, 0] - nats.sum()) > 0.01


def test_controls_use_other_items_and_known_speakers_only(corpus):
    model = model_of()
    sums = last(model, corpus, [0, 1, 2, 3])
    assert sums.names == ("all", "interior", "shuffled_codes", "zeroed_codes", "other_speaker")
    assert np.abs(sums.nats[2:, :3]).min() > 0
    carl = corpus.keys.index("carl/3.wav")
    assert sums.num_targets[4, carl] == 0 and sums.nats[4, carl] == 0
    assert sums.num_targets[3].tolist() == corpus.length.tolist()


def test_a_model_without_codes(corpus):
    config = small("identity")
    config["model"] = language_model()["model"]
    del config["encoder"], config["bottleneck"]
    torch.manual_seed(0)
    model = build(config, ["anna"]).eval()
    sums = last(model, corpus, [0, 2])
    assert sums.names == ("all", "interior", "other_speaker")
    whole = [at_once(model, corpus, row).sum() for row in (0, 2)]
    np.testing.assert_allclose(sums.nats[0], whole, rtol=1e-5)


def test_the_sums_do_not_depend_on_window_and_batch_sizes(corpus, monkeypatch):
    model = model_of("vqvae_ema")
    sums = last(model, corpus, [0, 1])
    monkeypatch.setattr(module, "WINDOW_SECONDS", 0.04)
    monkeypatch.setattr(module, "BATCH_SIZE", 3)
    again = last(model, corpus, [0, 1])
    kept = [0, 1, 3, 4]  # shuffled codes are then those of other items
    np.testing.assert_allclose(again.nats[kept], sums.nats[kept], rtol=1e-4, atol=1e-3)
    assert (again.num_targets == sums.num_targets).all()


def test_the_mean_and_its_error_by_hand():
    sums = Likelihood(("all",), np.array([[10.0, 40.0, 30.0]]), np.array([[10, 20, 20]]))
    assert sums.mean("all") == pytest.approx(80 / 50)
    residuals = np.array([10 - 16, 40 - 32, 30 - 32])
    expected = np.sqrt(3 * (residuals**2).sum() / 2) / 50
    assert sums.standard_error("all") == pytest.approx(expected)
    assert sums.bits("all") == pytest.approx(1.6 / np.log(2))
    alone = Likelihood(("all",), np.array([[10.0]]), np.array([[10]]))
    assert np.isnan(alone.standard_error("all"))


def test_the_standard_error_covers_the_mean_at_its_nominal_rate():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        counts = rng.integers(50, 200, 40)
        nats = counts * rng.normal(2.0, 0.3, 40)
        sums = Likelihood(("all",), nats[None], counts[None])
        inside += abs(sums.mean("all") - 2.0) < 1.96 * sums.standard_error("all")
    assert 0.90 < inside / 400 < 0.98


def test_no_utterances_is_a_value_error(corpus):
    with pytest.raises(ValueError, match="no utterances"):
        next(likelihood(model_of(), corpus, np.array([], dtype=np.int64)))
