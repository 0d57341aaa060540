"""Clusters of a corpus: what is refused before any recording is read, and smoothed ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import checkpoint

from wavenet_ae import load
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.errors import UserError
from wavenet_ae.objectives import ClusterTargets
from wavenet_ae.training.targets import make_cluster_targets


def test_codes_have_no_mean_that_could_be_removed(tmp_path):
    corpus: Any = None  # is not read
    settings: dict[str, Any] = {"clustered": "codes", "remove_utterance_mean": True}
    with pytest.raises(UserError, match="codes, which are numbers without a mean"):
        make_cluster_targets("mfcc", corpus, tmp_path / "targets.npz", **settings)


@pytest.mark.parametrize("smoothing", [-1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(tmp_path, smoothing):
    corpus: Any = None  # is not read
    with pytest.raises(UserError, match=r"smoothing is .*, but must be a number of at least 0"):
        make_cluster_targets("mfcc", corpus, tmp_path / "targets.npz", smoothing=smoothing)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=2, minutes=0.3)
    return PackedCorpus(pack(source, str(folder / "packed"), 8000, Splits()))


def num_changes(targets: ClusterTargets) -> int:
    return sum(int((np.diff(targets.of(row)) != 0).sum()) for row in range(len(targets.lengths)))


@pytest.mark.parametrize("clustered", ["latents", "codes"])
def test_smoothed_targets_change_less_often_and_lie_along_the_cheapest_path(
    corpus, tmp_path, clustered
):
    source = checkpoint(tmp_path, "lfq", encoder="units")
    made = [
        make_cluster_targets(
            source, corpus, tmp_path / "targets.npz", 8, clustered=clustered, smoothing=each
        )
        for each in (0.0, 2.0)
    ]
    nearest, smoothed = made
    assert 0 < num_changes(smoothed) < 0.8 * num_changes(nearest)
    np.testing.assert_array_equal(nearest.centers, smoothed.centers)
    assert list(nearest.lengths) == list(smoothed.lengths)
    assert smoothed.source == f"{nearest.source}, smoothed by 2"
    if clustered == "codes":
        model = load(source)
        samples = torch.from_numpy(corpus.read(0, 0, int(corpus.length[0])))
        for targets, smoothing in ((nearest, 0.0), (smoothed, 2.0)):
            codes = model.encode(samples, 8000, smoothing)
            np.testing.assert_array_equal(targets.of(0), codes)
