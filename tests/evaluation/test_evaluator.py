"""An evaluation in a folder that has one already."""

from __future__ import annotations

import json

import pytest
from helpers.evaluated import evaluated

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.results import EvaluationResult


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def test_parts_of_an_earlier_evaluation_stay_unless_they_are_measured_again(cache, tmp_path):
    before = evaluated(tmp_path, cache, "bitrate")
    both = evaluated(tmp_path, cache, "receptive_fields")
    assert [each.id for each in both.tables] == ["bitrate", "receptive_fields"]
    again = evaluated(tmp_path, cache, "bitrate")
    assert {each.id for each in again.tables} == {"bitrate", "receptive_fields"}
    assert again.table("bitrate") == before.table("bitrate")
    assert EvaluationResult.load(tmp_path / "out") == again


def test_results_of_another_model_or_other_data_are_not_mixed(cache, tmp_path):
    evaluated(tmp_path, cache, "receptive_fields")
    with pytest.raises(UserError, match="is of another model: set out="):
        evaluated(tmp_path, cache, "receptive_fields", kind="ae")
    with pytest.raises(UserError, match="is of another data: set out="):
        evaluated(tmp_path, cache, "receptive_fields", split="train")


def test_a_result_that_cannot_be_read_is_not_overwritten(cache, tmp_path):
    evaluated(tmp_path, cache, "receptive_fields")
    file = tmp_path / "out" / "evaluation.json"
    older = {**json.loads(file.read_text()), "format": 1}
    file.write_text(json.dumps(older))
    with pytest.raises(UserError, match="has format 1"):
        evaluated(tmp_path, cache, "receptive_fields")
    assert json.loads(file.read_text()) == older
