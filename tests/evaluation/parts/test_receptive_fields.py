"""Receptive fields as a part: of all that the geometry bounds."""

from __future__ import annotations

import pytest
from helpers.configs import DECODERS, OUTPUTS
from helpers.evaluated import evaluated, table

from wavenet_ae.errors import UserError

GRU = {**DECODERS["gru"], "output": OUTPUTS["categorical"][1]}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def test_computed_and_measured_agree(cache, tmp_path):
    found = table(evaluated(tmp_path, cache, "receptive_fields"), "receptive_fields")
    assert [row["reads"] for row in found.rows] == [
        "prediction_of_samples",
        "code_of_samples",
        "code_by_predictions",
        "prediction_by_codes",
    ]
    for row in found.rows:
        assert row["agrees"] and row["computed_first"] == row["measured_first"]
    past = found.row(reads="prediction_of_samples")
    assert past is not None and past["computed_last"] == -1


def test_a_recurrent_decoder_bounds_the_receptive_fields_of_codes_alone(cache, tmp_path):
    result = evaluated(tmp_path, cache, "receptive_fields", decoder=GRU)
    found = table(result, "receptive_fields")
    assert [row["reads"] for row in found.rows] == ["code_of_samples"]
    with pytest.raises(UserError, match="metrics has receptive_fields, but the decoder depends on"):
        evaluated(tmp_path / "alone", cache, "receptive_fields", "wavenet", decoder=GRU)
