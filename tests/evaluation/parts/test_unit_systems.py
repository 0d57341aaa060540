"""Units that are judged: of one codebook, of several, of none, and before there are any."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small
from helpers.evaluated import judged, table

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.evaluation.demo_summary import units_of_run
from wavenet_ae.evaluation.parts import unit_systems as unit_kinds
from wavenet_ae.evaluation.parts.unit_systems import CONTINUOUS_UNITS, Units
from wavenet_ae.models import WaveformAutoencoder, build


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=2, minutes=0.6)
    return PackedCorpus(pack(source, str(folder / "packed"), 8000, Splits()))


def model(kind: str, starts: bool = True, **bottleneck: int) -> WaveformAutoencoder:
    torch.manual_seed(0)
    config = small(kind)
    config["bottleneck"] |= bottleneck
    built = build(config, ["a"]).eval()
    assert isinstance(built, WaveformAutoencoder)
    if hasattr(built.bottleneck, "is_quantizing"):
        built.bottleneck.is_quantizing.fill_(starts)
    return built


def test_of_several_codebooks_each_combination_is_a_unit_too(corpus):
    units = Units(model("rvq", num_codebooks=2), corpus, seed=1)
    assert units.sizes == {
        "codes of all 2 codebooks": 64,
        "codes of codebook 1": 8,
        "codes of codebook 2": 8,
        "k-means on MFCC": 64,
    }
    _, found = units.of(corpus, 0)
    joint, first, second, _ = found.values()
    assert np.array_equal(joint, 8 * first + second)
    assert len(np.unique(joint)) > len(np.unique(first)) > 1
    assert not units.remarks


def test_too_many_combinations_are_left_out_with_a_word(corpus, monkeypatch):
    monkeypatch.setattr(unit_kinds, "MOST_JOINT_UNITS", 63)
    units = Units(model("rvq", num_codebooks=2), corpus, seed=1)
    assert list(units.sizes) == ["codes of codebook 1", "codes of codebook 2", "k-means on MFCC"]
    (remark,) = units.remarks
    assert "The 2 codebooks of 8 codes have more than 63 combinations" in remark
    assert list(units.of(corpus, 0)[1]) == list(units.sizes)


def test_clusters_are_as_many_as_joint_units_up_to_a_limit(corpus, monkeypatch):
    monkeypatch.setattr(unit_kinds, "MOST_CLUSTERS", 50)
    assert Units(model("rvq", num_codebooks=2), corpus, seed=1).sizes["k-means on MFCC"] == 50


def test_before_a_bottleneck_quantizes_clusters_stand_for_codes_and_it_is_said(corpus):
    units = Units(model("vqvae", starts=False), corpus, seed=1)
    assert units.sizes["k-means on vectors"] == CONTINUOUS_UNITS
    (remark,) = units.remarks
    assert "does not quantize yet" in remark and "bottleneck.start_after" in remark
    assert not Units(model("ae"), corpus, seed=1).remarks


def test_bit_rates_and_units_say_that_there_are_no_codes_yet(tmp_path):
    for part in ("bitrate", "units"):
        found = judged(tmp_path / part, tmp_path, part, quantizes=False)
        assert "does not quantize yet" in table(found, part).about
    assert "does not quantize" not in table(judged(tmp_path, tmp_path, "units"), "units").about


def test_a_run_s_units_are_those_that_evaluate_judges(corpus):
    of_run = units_of_run(model("ae"), corpus)
    assert of_run.kind == "k-means on vectors"
    assert of_run.units.num_codes == of_run.baseline.num_codes == CONTINUOUS_UNITS
    assert of_run.frames.sum() == of_run.units.num_frames == of_run.baseline.num_frames
    assert abs(of_run.units.num_frames - 0.6 * 60 * 50) < 60, "50 codes a second"
    assert of_run.baseline.pnmi > of_run.baseline.pnmi_shuffled + 0.1
