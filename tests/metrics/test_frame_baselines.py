"""Baselines of frames: in the units of the model, better the more they read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import SPECTROGRAMS, spectrogram

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.metrics.frame_baselines import FrameBaselines
from wavenet_ae.metrics.likelihood import likelihood
from wavenet_ae.models import build


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=2, minutes=0.6)
    return PackedCorpus(pack(source, str(folder / "packed"), 8000, Splits(validation=0.2)))


def model_of(name: str):
    torch.manual_seed(0)
    return build(SPECTROGRAMS[name], ["anna"]).eval()


def fitted(model, corpus):
    read = [corpus.read(row, 0, int(corpus.length[row])) for row in corpus.rows("train")]
    model.fit([torch.from_numpy(np.concatenate(read)).float()[None] / 32768])
    return model


@pytest.mark.parametrize("name", ["convolution", "recurrence"])
def test_the_past_helps_and_a_linear_map_of_it_helps_more(name, corpus):
    model = fitted(model_of(name), corpus)
    found = FrameBaselines(model, corpus).likelihood(corpus.rows("validation"))
    histogram, previous, linear = (found.mean(each) for each in found.names)
    assert linear < previous < histogram


def test_baselines_are_of_the_frames_of_the_model(corpus):
    model, rows = fitted(model_of("recurrence"), corpus), corpus.rows("validation")
    *_, (_, own) = likelihood(model, corpus, rows)
    found = FrameBaselines(model, corpus).likelihood(rows)
    assert found.num_targets[0].tolist() == own.num_targets[0].tolist()


def test_a_model_that_predicts_further_ahead_has_baselines_that_read_less(corpus):
    near, far = (
        fitted(build(spectrogram("frame_conv", "gaussian", "ae", offset=each), ["anna"]), corpus)
        for each in (5, 7)
    )
    one, other = (FrameBaselines(each.eval(), corpus) for each in (near, far))
    assert other.lag == one.lag + 2
    rows = corpus.rows("validation")
    assert other.likelihood(rows).mean("previous_frame") > one.likelihood(rows).mean(
        "previous_frame"
    )
