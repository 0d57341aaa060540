"""Evaluations add their metrics to those that their runs have logged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.summary_runs import config, write_run

from wavenet_ae.comparison.evaluations import find_evaluations
from wavenet_ae.comparison.report import report
from wavenet_ae.comparison.results import RunResult, read_result
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.results import EvaluationResult, ResultTable


def evaluate(checkpoint: Path, folder: Path, pnmi: float, fingerprint: str = "c0") -> None:
    """Writes an evaluation of a checkpoint into a folder."""
    units = [{"system": "codes", "pnmi": pnmi}, {"system": "kmeans_mfcc", "pnmi": 0.9}]
    probes = {"task": "phone", "representation": "vectors", "probe": "linear", "accuracy": 0.4}
    tables = [
        ResultTable("units", ["system"], units, part="units"),
        ResultTable("probing", ["task", "representation", "probe"], [probes], part="probing"),
    ]
    model = {"name": "a", "checkpoint": str(checkpoint), "fingerprint": "f00"}
    corpus = {"fingerprint": fingerprint, "split": "validation"}
    EvaluationResult(model, corpus, {}, tables).save(folder)


def results(runs: list[Path], *folders: Path) -> list[RunResult]:
    found = find_evaluations(runs, folders)
    assert not found.unreadable
    return [found.add_to(read_result(run, run.name), run) for run in runs]


@pytest.fixture
def runs(tmp_path) -> list[Path]:
    return [write_run(tmp_path / "runs" / name, config(name)) for name in ("vqvae", "fsq")]


def test_headlines_and_first_rows_are_metrics_of_the_run(runs, tmp_path):
    evaluate(runs[0] / "checkpoints" / "best.ckpt", tmp_path / "out" / "sweep" / "a", 0.3)
    evaluated, other = results(runs, tmp_path / "out")
    assert evaluated.metrics["units.pnmi"] == evaluated.metrics["evaluation/pnmi"] == 0.3
    assert evaluated.metrics["evaluation/phone_accuracy"] == 0.4
    assert evaluated.metrics["validation/nll"] == 3.0
    assert evaluated.evaluation == {"fingerprint": "c0", "split": "validation"}
    assert "units.pnmi" not in other.metrics and other.evaluation == {}


def test_an_evaluation_in_a_run_folder_belongs_to_it_after_the_folder_was_moved(runs):
    evaluate(Path("moved/checkpoints/best.ckpt"), runs[1] / "evaluation", 0.2)
    assert [each.metrics.get("units.pnmi") for each in results(runs)] == [None, 0.2]


def test_the_evaluation_written_last_counts(runs, tmp_path):
    for number, (folder, pnmi) in enumerate([("second", 0.2), ("first", 0.1)]):
        evaluate(runs[0] / "checkpoints" / "best.ckpt", tmp_path / "out" / folder, pnmi)
        time = 1_000_000 - number
        os.utime(tmp_path / "out" / folder / "evaluation.json", (time, time))
    assert results(runs, tmp_path / "out")[0].metrics["units.pnmi"] == 0.2


def test_an_unreadable_file_is_named_and_other_files_count(runs, tmp_path):
    evaluate(runs[0] / "checkpoints" / "best.ckpt", runs[0], 0.3)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "evaluation.json").write_text("{}")
    found = find_evaluations(runs, [tmp_path / "out"])
    (sentence,) = found.unreadable
    assert "is not an evaluation" in sentence
    assert list(found.by_run) == [runs[0].resolve()]


def test_columns_are_chosen_by_their_names(runs, tmp_path, capsys):
    for run, pnmi in zip(runs, (0.31, 0.28), strict=True):
        evaluate(run / "checkpoints" / "best.ckpt", run / "evaluation", pnmi)
    columns = ["units.pnmi", "evaluation/phone_accuracy", "validation/nll"]
    report(results(runs), tmp_path, None, "comparison", ["png"], columns)
    out = capsys.readouterr().out
    assert "0.310" in out and "0.280" in out and "accuracy" in out and "real" not in out
    assert "units.pnmi" in (tmp_path / "comparison.csv").read_text().splitlines()[0]


def test_evaluations_of_different_speech_are_warned_about(runs, tmp_path, capsys):
    for run, fingerprint in zip(runs, ("c0", "c1"), strict=True):
        evaluate(run / "checkpoints" / "best.ckpt", run, 0.3, fingerprint)
    report(results(runs), tmp_path, None, "comparison")
    assert "evaluations are of different speech" in capsys.readouterr().out


def test_a_column_that_no_run_has_is_refused(runs, tmp_path):
    with pytest.raises(UserError, match=r"units\.pnmi', but no evaluation of these runs was found"):
        report(results(runs), tmp_path, None, "comparison", columns=["units.pnmi"])
    with pytest.raises(UserError, match=r"'validation/nl', which no run has.*'validation/nll'"):
        report(results(runs), tmp_path, None, "comparison", columns=["validation/nl"])
    evaluate(Path("x"), runs[0], 0.3)
    with pytest.raises(UserError, match=r"'units\.pnmy', which no run has.*'units\.pnmi'"):
        report(results(runs), tmp_path, None, "comparison", columns=["units.pnmy"])
