"""A table that puts different questions side by side says so."""

from __future__ import annotations

import pytest
from helpers.summary_runs import config, write_run

from wavenet_ae.comparison.comparable import warnings
from wavenet_ae.comparison.report import report
from wavenet_ae.comparison.summary import read_results


def test_other_models_of_the_same_samples_are_comparable():
    others = {"seed": 2, "optimizer": {"learning_rate": 0.1}, "trainer": {"max_steps": 7}}
    assert list(warnings([config("ae"), config("vqvae", **others)])) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"sample_rate": 16000}, "sample_rate"),
        ({"data": {"source": {"root": "elsewhere"}}}, "data.source"),
        ({"data": {"splits": {"validation": 0.2}}}, "data.splits"),
        ({"data": {"validation_seconds": 5}}, "data.validation_seconds"),
        ({"data": {"window_seconds": 5}}, "data.window_seconds"),
    ],
)
def test_other_samples_are_not(change, key):
    (sentence,) = warnings([config(), config(**change), config()])
    assert sentence.startswith(f"{key} differs")


def test_the_report_says_it(tmp_path, capsys):
    for rate in (8000, 16000):
        write_run(tmp_path / str(rate), config(sample_rate=rate))
    report(read_results(tmp_path), tmp_path, None, "sweep")
    assert "sample_rate differs among these runs" in capsys.readouterr().out
