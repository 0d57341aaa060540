"""Findings as JSON and on a console."""

from __future__ import annotations

import json
from math import inf, nan

import pytest
from rich.console import Console

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.console import table
from wavenet_ae.evaluation.results import Evaluation, ResultTable, earlier_findings

ROWS = [
    {"sound": "a", "lsd_db": 2.8134, "lsd_db_error": 0.0312, "count": 12000},
    {"sound": "b", "lsd_db": nan, "lsd_db_error": nan, "count": 3},
]


def test_what_is_no_number_is_null_in_the_json(tmp_path):
    found = ResultTable("part", "Title", "How", [*ROWS, {**ROWS[0], "lsd_db": inf}])
    Evaluation({"a": 1}, {}, {"versions": {"torch": "2"}}, [found]).write(tmp_path / "e.json")
    content = json.loads((tmp_path / "e.json").read_text())
    rows = content["findings"][0]["rows"]
    assert [row["lsd_db"] for row in rows] == [2.8134, None, None]
    assert content["command"] == {"versions": {"torch": "2"}} and content["format"] == 1


def test_parts_of_an_earlier_evaluation_stay_unless_they_are_measured_again(tmp_path):
    file, model, corpus = tmp_path / "e.json", {"fingerprint": "f00"}, {"split": "all"}
    both = [ResultTable("a", "A", "How", ROWS[:1]), ResultTable("b", "B", "How", ROWS)]
    Evaluation(model, corpus, {}, both).write(file)
    kept = earlier_findings(file, model, corpus)
    Evaluation(model, corpus, {}, [ResultTable("b", "New", "How", ROWS)]).write(file, kept)
    titles = [each["title"] for each in json.loads(file.read_text())["findings"]]
    assert titles == ["A", "New"]
    assert earlier_findings(tmp_path / "none.json", model, corpus) == []
    with pytest.raises(UserError, match="is of another model: give another out="):
        earlier_findings(file, {"fingerprint": "bad"}, corpus)
    with pytest.raises(UserError, match="is of another speech"):
        earlier_findings(file, model, {"split": "test"})


def printed(found: ResultTable) -> str:
    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(table(found))
    return capture.get()


def test_errors_stand_behind_their_values():
    text = printed(ResultTable("part", "Title", "How", ROWS))
    assert "2.813 ± 0.031" in text and "12,000" in text and "LSD" in text
    assert "nan" not in text and "error" not in text


def test_what_rounding_leaves_is_no_error():
    row = {"sound": "a", "f0_hz": 98.27236, "f0_hz_error": 3e-15}
    assert "98.27 " in printed(ResultTable("part", "Title", "How", [row]))


def test_intervals_stand_behind_their_values():
    row = {"probe": "mlp", "accuracy": 0.32, "accuracy_low": 0.301, "accuracy_high": 0.34}
    text = printed(ResultTable("part", "Title", "How", [row]))
    assert "0.320 (0.301 to 0.340)" in text and "low" not in text
    alone = {**row, "accuracy_low": nan, "accuracy_high": nan}
    assert "0.320\n" in printed(ResultTable("part", "Title", "How", [alone])).replace(" ", "")
