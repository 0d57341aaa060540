"""Results: numbers by their ids, saved and loaded, and files that are not results."""

from __future__ import annotations

import json
from math import inf, nan
from pathlib import Path

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.headlines import HEADLINES, headlines
from wavenet_ae.evaluation.results import Estimate, EvaluationResult, ResultTable

MODEL = {"name": "a", "checkpoint": "a/checkpoints/best.ckpt", "fingerprint": "f00"}
UNITS = ResultTable(
    "units",
    ["system"],
    [
        {"system": "codes", "pnmi": 0.5, "pnmi_error": 0.01, "nmi": nan},
        {"system": "kmeans_mfcc", "pnmi": 0.4, "pnmi_low": 0.3, "pnmi_high": inf, "nmi": 1},
    ],
    {"num_labels": 39},
    ["not_quantizing"],
    part="units",
)


def result(*tables: ResultTable) -> EvaluationResult:
    return EvaluationResult(MODEL, {"split": "all"}, {"versions": {"torch": "2"}}, tables)


def test_a_number_has_an_id_and_the_keys_of_its_row():
    found = result(UNITS)
    assert found.value("units.pnmi") == 0.5, "the first row is about the model"
    assert found.value("units.pnmi", system="kmeans_mfcc") == 0.4
    assert found.estimate("units.pnmi") == Estimate(0.5, error=0.01)
    assert found.estimate("units.pnmi", system="kmeans_mfcc") == Estimate(0.4, low=0.3)
    assert found.value("units.nmi") is None, "NaN counts as absent"
    assert found.value("units.pnmi", system="joint_codes") is None
    assert found.value("abx.error_across_speakers") is None, "not measured"


def test_a_column_that_is_not_there_is_a_mistake():
    with pytest.raises(UserError, match=r"units\.pnm: .* no column 'pnm'.*mean 'pnmi'"):
        result(UNITS).value("units.pnm")
    with pytest.raises(UserError, match=r"units\.system is a text, 'codes'"):
        result(UNITS).value("units.system")


def test_headlines_are_those_that_were_measured():
    found = headlines(result(UNITS))
    assert {id: each.value for id, each in found.items()} == {"pnmi": 0.5, "pnmi_kmeans_mfcc": 0.4}
    assert len({each.id for each in HEADLINES}) == len(HEADLINES)


def test_what_is_saved_is_loaded_from_the_file_or_its_folder(tmp_path):
    saved = result(UNITS).without_part("abx", "no_labels")
    saved.save(tmp_path)
    for place in (tmp_path, str(tmp_path / "evaluation.json")):
        loaded = EvaluationResult.load(place)
        assert loaded == saved and loaded.folder == tmp_path
        assert loaded.skipped == {"abx": "no_labels"}
    content = json.loads((tmp_path / "evaluation.json").read_text())
    assert content["format"] == 2 and "folder" not in content


def test_tables_of_a_part_take_the_place_of_those_that_it_had():
    own = [ResultTable("x", [], [{"a": 1}]), ResultTable("y", [], [{"a": 2}])]
    before = result(UNITS).with_part("own", own)
    after = before.with_part("own", own[:1])
    assert [each.id for each in after.tables] == ["units", "x"]
    skipped = after.without_part("own", "no_codes")
    assert [each.id for each in skipped.tables] == ["units"] and skipped.skipped
    assert not skipped.with_part("own", own).skipped


def changed(folder: Path, **values: object) -> Path:
    result(UNITS).save(folder)
    file = folder / "evaluation.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    return file


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"format": 1}, "has format 1, but this version reads format 2: evaluate"),
        ({"format": "9"}, "has format '9'"),
        ({"tables": None}, "is damaged"),
        ({"tables": [{"id": "units"}]}, "is damaged .*keys"),
        ({"tables": [{"id": "a", "keys": ["k"], "rows": [{"x": 1}]}]}, "lacks one of its keys"),
        ({"tables": [{"id": "a", "keys": [], "rows": [{"x": [1]}]}]}, "nested cells"),
        ({"tables": [{"id": "a", "keys": [], "rows": [3]}]}, "is damaged"),
        ({"tables": [{"id": 3, "keys": [], "rows": []}]}, "is damaged"),
        ({"model": {"name": "a"}}, "is damaged .*checkpoint"),
        ({"model": []}, "model is not a mapping"),
        ({"skipped": ["abx"]}, "skipped is not a mapping"),
        ({"unknown": 1}, "is damaged .*unknown"),
    ],
)
def test_a_damaged_or_older_file_is_refused(values, problem, tmp_path):
    file = changed(tmp_path, **values)
    with pytest.raises(UserError, match=problem) as error:
        EvaluationResult.load(file)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b"3"])
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / "evaluation.json").write_bytes(content)
    with pytest.raises(UserError, match=r"evaluation\.json.*: choose an evaluation\.json"):
        EvaluationResult.load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.json cannot be read"):
        EvaluationResult.load(tmp_path / "none.json")
