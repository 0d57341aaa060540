"""Systems of units: of one codebook, of several, of none, and before there are any."""

from __future__ import annotations

from typing import Any

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
from wavenet_ae.evaluation.baseline_units import SPEAKER_UTTERANCES, BaselineFrames
from wavenet_ae.evaluation.demo_summary import units_of_run
from wavenet_ae.evaluation.report.prose import about
from wavenet_ae.evaluation.unit_systems import CONTINUOUS_UNITS, Units
from wavenet_ae.models import Autoencoder, build


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> PackedCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    source = ToySource(str(folder / "toy"), num_speakers=2, minutes=0.6)
    return PackedCorpus(pack(source, str(folder / "packed"), 8000, Splits()))


def config_of(kind: str, **bottleneck: int) -> dict[str, Any]:
    config = small(kind)
    config["bottleneck"] |= bottleneck
    return config


def model(kind: str, starts: bool = True, **bottleneck: int) -> Autoencoder:
    torch.manual_seed(0)
    config = config_of(kind, **bottleneck)
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
        def __init__(self, frames, num_codes, seed, *iterations):
            fitted.append(len(frames))
            super().__init__(frames, num_codes, seed, *iterations)

    monkeypatch.setattr(unit_systems, "Clusters", Watched)
    monkeypatch.setattr(unit_systems, "FITTED_FRAMES", 150)
    built = model("vae")
    Units(built, corpus, 1, BaselineFrames(built, corpus, 1, config_of("vae")))
    assert fitted == 6 * [150], "of vectors, and of each baseline"


def test_smoothed_units_are_those_of_the_model_s_own_encode(corpus):
    built = model("rvq", num_codebooks=2)
    units = Units(built, corpus, 1, smoothing=2)
    own = ["joint_codes", "codebook_1", "codebook_2"]
    assert list(units.sizes) == [*own, *(f"{each}_path" for each in own), "kmeans_mfcc"]
    assert units.plotted == [*own, "kmeans_mfcc"] and units.metadata == {"smoothing": 2}
    _, found = units.of(corpus, 0)
    codes = built.encode(corpus.read(0, 0, int(corpus.length[0])), 8000, smoothing=2).numpy()
    for book in range(2):
        smooth = found[f"codebook_{book + 1}_path"]
        assert np.array_equal(smooth, codes[book, : len(smooth)])
    assert np.array_equal(found["joint_codes_path"], 8 * codes[0] + codes[1])


def test_of_vectors_clusters_are_smoothed(corpus):
    units = Units(model("ae"), corpus, 1, smoothing=2)
    assert list(units.sizes) == ["kmeans_vectors", "kmeans_vectors_path", "kmeans_mfcc"]
    _, found = units.of(corpus, 0)
    changes = {name: int((np.diff(each) != 0).sum()) for name, each in found.items()}
    assert 0 < changes["kmeans_vectors_path"] < 0.8 * changes["kmeans_vectors"]


def test_codebooks_that_are_too_large_are_not_smoothed_with_a_note(corpus, monkeypatch):
    monkeypatch.setattr(unit_systems, "MOST_CODES", 7)
    units = Units(model("vqvae"), corpus, 1, smoothing=2)
    assert list(units.sizes) == ["codes", "kmeans_mfcc"]
    assert units.notes == ["no_smoothed_codes"] and units.metadata["max_smoothed_codes"] == 7
    units.of(corpus, 0)


def test_baselines_have_their_own_normalization(corpus):
    built = model("vqvae")
    baselines = BaselineFrames(built, corpus, 1, config_of("vqvae"))
    assert baselines.names == [
        *("kmeans_mfcc", "kmeans_mfcc_utterance", "kmeans_mfcc_speaker"),
        *("kmeans_mfcc_averaged", "kmeans_random_encoder"),
    ]
    units = Units(built, corpus, 1, baselines, smoothing=2)
    frames = [units.encode(corpus, row)[1] for row in range(len(corpus))]
    for each in frames:
        assert list(each) == baselines.names
        for name in ("kmeans_mfcc_utterance", "kmeans_mfcc_averaged"):
            assert np.abs(each[name].mean(axis=0)).max() < 1e-4
        steps = [np.abs(np.diff(each[name], axis=0)).mean() for name in baselines.names]
        assert steps[3] < steps[1] < steps[0], "the more is averaged, the smoother"
    speakers = np.asarray(corpus.speaker)
    rows = [row for row in range(len(corpus)) if speakers[row] == speakers[0]]
    of_speaker = np.concatenate([frames[row]["kmeans_mfcc_speaker"] for row in rows])
    if len(rows) <= SPEAKER_UTTERANCES:
        assert np.abs(of_speaker.mean(axis=0)).max() < 1e-3
        assert np.abs(of_speaker.std(axis=0) - 1).max() < 1e-3
    assert np.abs(of_speaker.mean(axis=0)).max() < 0.5
    first = units.of(corpus, 0)[1]
    changes = {name: int((np.diff(each) != 0).sum()) for name, each in first.items()}
    assert changes["kmeans_mfcc_averaged_path"] < 0.8 * changes["kmeans_mfcc_averaged"]
    assert list(first)[-1] == "kmeans_mfcc_averaged_path"


def test_the_part_measures_all_systems_beside_shuffled_labels(tmp_path):
    result = evaluated(tmp_path, tmp_path, "units", smoothing=3)
    found = table(result, "units")
    assert [row["system"] for row in found.rows][:3] == ["codes", "codes_path", "kmeans_mfcc"]
    for row in found.rows:
        assert 0 < row["purity_held_out_shuffled"] <= row["majority"] + 0.05
    assert "costs 3 mean margins" in about(found)
    boundaries = table(result, "boundaries")
    rates = {row["system"]: row["run_length_bits_per_second"] for row in boundaries.rows}
    assert rates["kmeans_mfcc_averaged_path"] < rates["kmeans_mfcc_averaged"] < rates["kmeans_mfcc"]
    assert rates["uniform"] is None
    plain = table(evaluated(tmp_path / "plain", tmp_path, "units", smoothing=0), "units")
    assert not any(str(row["system"]).endswith("_path") for row in plain.rows)
    assert "margins" not in about(plain)
