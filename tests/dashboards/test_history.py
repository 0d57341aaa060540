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
    with pytest.raises(UserError, match=r"metrics\.csv, line 1: 'a,b' does not name the columns"):
        read_run(tmp_path, "run")
    RunFolder(tmp_path).metrics.write_text(METRICS)
    RunFolder(tmp_path).histograms.write_text(histogram(9, 1) + '{"step": 3}\n')
    with pytest.raises(UserError, match=r"histograms\.jsonl, line 2: name is missing"):
        read_run(tmp_path, "run")


@pytest.mark.parametrize(
    "line",
    [
        *("19,x,4.4,,", "-1,1,1,1,", "1.5,1,1,1,", "19,1", "19,1,1,1,,1", '19,"1,1,1,', ",1,1,1,"),
        *("\0,1,1,1,", "9" * 5000 + ",1,1,1,", "99999999999999999999,1,1,1,", "19,caf\udce9,,,"),
    ],
)
def test_a_damaged_row_of_metrics_is_named_by_its_line(line, tmp_path):
    path = RunFolder(tmp_path).metrics
    path.write_text(METRICS + line + "\n39,1,,,\n", errors="surrogateescape")
    with pytest.raises(UserError, match=r"metrics\.csv, line 5, is not a row of metrics"):
        read_metrics(path)


@pytest.mark.parametrize("header", ["a,b", "step,a,a", '"step,a', "", "\0", "s\ufeffep"])
def test_a_damaged_header_of_metrics_is_named(header, tmp_path):
    RunFolder(tmp_path).metrics.write_text(f"{header}\n1,2\n")
    with pytest.raises(UserError, match=r"metrics\.csv, line 1: .* does not name the columns"):
        read_metrics(RunFolder(tmp_path).metrics)


@pytest.mark.parametrize(
    "changes",
    [
        *({"step": 10**20}, {"step": -2}, {"step": 1.0}, {"name": None}, {"counts": []}),
        *({"low": 10**400}, {"low": -1e308, "high": 1e308}, {"low": float("nan")}, {"low": "0"}),
        *({"counts": [10**400]}, {"counts": [1e308] * 9}, {"counts": ["x"]}, {"counts": [[1]]}),
        *({"counts": [[1], 2]}, {"counts": {}}, {"counts": [None]}, {"counts": [float("inf")]}),
    ],
)
def test_a_histogram_without_finite_edges_and_counts_is_named_by_its_line(changes, tmp_path):
    row = json.loads(histogram(9, 1, 2)) | changes
    RunFolder(tmp_path).histograms.write_text(histogram(9, 1) + json.dumps(row) + "\n")
    with pytest.raises(UserError, match=r"histograms\.jsonl, line 2: "):
        read_histograms(RunFolder(tmp_path).histograms)


def test_the_file_of_histograms_may_be_missing(tmp_path):
    folder = run_folder(tmp_path / "run")
    assert len(read_run(folder, "run").histograms["codebook/usage"]) == 10
    RunFolder(folder).histograms.unlink()
    assert read_run(folder, "run").histograms == {}
