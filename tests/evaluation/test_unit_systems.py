"""Systems of units: of one codebook, of several, of none, and before there are any."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small
from helpers.evaluated import evaluated, table

from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.evaluation import unit_systems
from wavenet_ae.evaluation.demo_summary import units_of_run
from wavenet_ae.evaluation.report.prose import about
from wavenet_ae.evaluation.unit_systems import CONTINUOUS_UNITS, Units
from wavenet_ae.models import Autoencoder, build


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=2, minutes=0.6)
    return PackedCorpus(pack(source, str(folder / "packed"), 8000, Splits()))


def model(kind: str, starts: bool = True, **bottleneck: int) -> Autoencoder:
    torch.manual_seed(0)
    config = small(kind)
    config["bottleneck"] |= bottleneck
    built = build(config, ["a"]).eval()
    assert isinstance(built, Autoencoder)
    if isinstance(built.bottleneck, Quantizer):
        built.bottleneck.is_quantizing.fill_(starts)
    return built


def test_of_several_codebooks_each_combination_is_a_unit_too(corpus):
    units = Units(model("rvq", num_codebooks=2), corpus, seed=1)
    assert units.sizes == {
        "joint_codes": 64,
        "codebook_1": 8,
        "codebook_2": 8,
        "kmeans_mfcc": 64,
    }
    _, found = units.of(corpus, 0)
    joint, first, second, _ = found.values()
    assert np.array_equal(joint, 8 * first + second)
    assert len(np.unique(joint)) > len(np.unique(first)) > 1
    assert not units.notes


def test_too_many_combinations_are_left_out_with_a_note(corpus, monkeypatch):
    monkeypatch.setattr(unit_systems, "MOST_JOINT_UNITS", 63)
    units = Units(model("rvq", num_codebooks=2), corpus, seed=1)
    assert list(units.sizes) == ["codebook_1", "codebook_2", "kmeans_mfcc"]
    assert units.notes == ["no_joint_codes"]
    assert units.metadata == {"num_codebooks": 2, "codebook_size": 8, "max_joint_units": 63}
    assert list(units.of(corpus, 0)[1]) == list(units.sizes)


def test_clusters_are_as_many_as_joint_units_up_to_a_limit(corpus, monkeypatch):
    monkeypatch.setattr(unit_systems, "MOST_CLUSTERS", 50)
    assert Units(model("rvq", num_codebooks=2), corpus, seed=1).sizes["kmeans_mfcc"] == 50


def test_before_a_bottleneck_quantizes_clusters_stand_for_codes_and_it_is_noted(corpus):
    units = Units(model("vqvae", starts=False), corpus, seed=1)
    assert units.sizes["kmeans_vectors"] == CONTINUOUS_UNITS
    assert units.notes == ["not_quantizing"]
    assert not Units(model("ae"), corpus, seed=1).notes


def test_bit_rates_and_units_note_that_there_are_no_codes_yet(tmp_path):
    for part in ("bitrate", "units"):
        found = evaluated(tmp_path / part, tmp_path, part, quantizes=False)
        assert "does not quantize yet" in about(table(found, part))
    assert "does not quantize" not in about(table(evaluated(tmp_path, tmp_path, "units"), "units"))


def test_a_run_s_units_are_those_of_an_evaluation(corpus):
    of_run = units_of_run(model("ae"), corpus)
    assert of_run.kind == "k-means on vectors"
    assert of_run.units.num_codes == of_run.baseline.num_codes == CONTINUOUS_UNITS
    assert of_run.frames.sum() == of_run.units.num_frames == of_run.baseline.num_frames
    assert abs(of_run.units.num_frames - 0.6 * 60 * 50) < 60, "50 codes a second"
    assert of_run.baseline.pnmi > of_run.baseline.pnmi_shuffled + 0.1


def test_clusters_are_fitted_to_so_many_frames_at_most(corpus, monkeypatch):
    """However long the recordings are, these frames are all in memory."""
    fitted = []

    class Watched(unit_systems.Clusters):
        def __init__(self, frames, num_codes, seed=0):
            fitted.append(len(frames))
            super().__init__(frames, num_codes, seed)

    monkeypatch.setattr(unit_systems, "Clusters", Watched)
    monkeypatch.setattr(unit_systems, "FITTED_FRAMES", 150)
    Units(model("vae"), corpus, seed=1)
    assert fitted == [150, 150]
