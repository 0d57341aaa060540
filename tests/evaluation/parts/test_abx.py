"""ABX as a part of an evaluation: every representation is exported and scored."""

from __future__ import annotations

import json

import pytest
import torch
from helpers.evaluated import evaluated as result_of
from helpers.evaluated import table

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.labels import read_item_file, read_segments

NAMES = ["latents", "vectors", "codes", "mfcc", "log_mel", "random_encoder"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def evaluated(cache, tmp_path_factory):
    """The folder of the results, and the table."""
    folder = tmp_path_factory.mktemp("abx")
    return folder / "out", table(result_of(folder, cache, "abx"), "abx")


def test_every_representation_is_exported_with_the_same_items(evaluated, cache):
    out, _ = evaluated
    items = {name: (out / "abx" / name / "phones.item").read_text() for name in NAMES}
    assert len(set(items.values())) == 1 and len(list((out / "abx").iterdir())) == len(NAMES)
    listed = read_item_file(out / "abx" / "codes" / "phones.item")
    first = [item for item in listed if item.file == listed[0].file]
    (phn,) = cache.glob(f"toy/**/{first[0].file.removesuffix('.wav')}.phn")
    labeled = read_segments(phn)
    assert [item.fields["#phone"] for item in first] == [x for x in labeled.labels if x != "sil"]
    assert {item.fields["speaker"] for item in listed} == {
        phn.parent.name for phn in cache.glob("toy/**/*.phn")
    }


def test_codes_are_units_and_all_else_are_vectors(evaluated):
    out, found = evaluated
    for name in NAMES:
        folder = out / "abx" / name
        distance = json.loads((folder / "settings.json").read_text())["distance"]
        assert distance == ("identical" if name == "codes" else "angular")
        one = next((folder / "features").rglob("*.pt"))
        features = torch.load(one)
        times = torch.load(folder / "times" / one.relative_to(folder / "features"))
        assert len(features) == len(times) and (features.shape[1] == 1) == (name == "codes")
        assert torch.allclose(times.diff(), torch.tensor(0.02).double(), atol=2e-6)
    assert {row["representation"]: row["distance"] for row in found.rows}["mfcc"] == "angular"
    assert found.metadata["max_size_group"] == 10 and found.metadata["num_items"] > 100


def test_each_is_scored_within_and_across_speakers(evaluated):
    _, found = evaluated
    assert [row["representation"] for row in found.rows[::2]] == NAMES
    assert {row["context"] for row in found.rows} == {"within", "any"}
    any_neighbors = {row["representation"]: row for row in found.rows if row["context"] == "any"}
    assert any_neighbors["mfcc"]["error_within_speakers"] < 0.3
    assert 0 <= any_neighbors["codes"]["error_across_speakers"] <= 0.6
    assert any_neighbors["mfcc"]["num_groups_across"] > 10


def test_without_labels_it_is_refused_if_requested(cache, tmp_path):
    with pytest.raises(
        UserError, match=r"metrics has abx, but no recording has labels \(labels=be"
    ):
        result_of(tmp_path, cache, "abx", suffix=".wrd")


def test_silence_alone_has_nothing_to_compare(cache, tmp_path):
    silent = tmp_path / "silence.yaml"
    silent.write_text("name: silence\nothers: keep\ntable:\n")
    labels = {label for phn in cache.glob("toy/**/*.phn") for label in read_segments(phn).labels}
    silent.write_text(silent.read_text() + "".join(f"  {label!r}: sil\n" for label in labels))
    with pytest.raises(UserError, match=r"metrics has abx, but labels name no phone but silence"):
        result_of(tmp_path, cache, "abx", mapping=str(silent))
    (file,) = tmp_path.rglob("evaluation.json")
    assert EvaluationResult.load(file).skipped == {"abx": "no_phones"}
