"""Metrics and histograms of a run that may still be training."""

from __future__ import annotations

import json

import pytest
from helpers.dashboard_runs import run_folder

from wavenet_ae.dashboards.history import read_histograms, read_metrics, read_run
from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder

METRICS = """step,train/nll,validation/nll,validation/perplexity,never
9,5.5,,,
19,4.5,4.4,,
29,3.5,3.25,12.5,
"""


def histogram(step: int, *counts: int, name: str = "codebook/usage") -> str:
    row = {"step": step, "name": name, "low": -0.5, "high": len(counts) - 0.5, "counts": counts}
    return json.dumps(row) + "\n"


def test_each_metric_has_the_steps_at_which_it_was_logged(tmp_path):
    RunFolder(tmp_path).metrics.write_text(METRICS)
    found = read_metrics(RunFolder(tmp_path).metrics)
    assert found["train/nll"][0].tolist() == [10, 20, 30]
    assert found["validation/nll"][0].tolist() == [20, 30]
    assert found["validation/perplexity"][1].tolist() == [12.5]
    assert "never" not in found


def test_a_last_line_that_is_being_written_is_ignored(tmp_path):
    metrics, histograms = RunFolder(tmp_path).metrics, RunFolder(tmp_path).histograms
    for half in ("39", "39,2", "39,2.5,3.1,1"):
        metrics.write_text(METRICS + half)
        assert read_metrics(metrics)["train/nll"][0].tolist() == [10, 20, 30]
    histograms.write_text(histogram(9, 1, 2) + histogram(19, 3, 4)[:-9])
    assert [each.step for each in read_histograms(histograms)["codebook/usage"]] == [10]


def test_the_last_histogram_counts_for_a_step_that_a_resume_repeats(tmp_path):
    path = RunFolder(tmp_path).histograms
    path.write_text(histogram(9, 1, 2) + histogram(19, 3, 4) + histogram(9, 5, 6))
    found = read_histograms(path)["codebook/usage"]
    assert [(each.step, each.counts.tolist()) for each in found] == [(10, [5, 6]), (20, [3, 4])]
    assert found[0].edges.tolist() == [-0.5, 0.5, 1.5]


def test_a_file_that_is_not_a_history_is_named(tmp_path):
    RunFolder(tmp_path).metrics.write_text("step,train/nll\n")
    with pytest.raises(UserError, match=r"metrics\.csv holds no metrics yet"):
        read_run(tmp_path, "run")
    RunFolder(tmp_path).metrics.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"metrics\.csv is not a CSV file of metrics"):
        read_run(tmp_path, "run")
    RunFolder(tmp_path).metrics.write_text(METRICS)
    RunFolder(tmp_path).histograms.write_text(histogram(9, 1) + '{"step": 3}\n')
    with pytest.raises(UserError, match=r"histograms\.jsonl, line 2, is not a histogram"):
        read_run(tmp_path, "run")


def test_the_file_of_histograms_may_be_missing(tmp_path):
    folder = run_folder(tmp_path / "run")
    assert len(read_run(folder, "run").histograms["codebook/usage"]) == 10
    RunFolder(folder).histograms.unlink()
    assert read_run(folder, "run").histograms == {}
