"""Results of runs are read from their folders; a run that cannot be read counts as failed."""

from __future__ import annotations

import pytest
from helpers.summary_runs import config, write_run

from wavenet_ae.comparison.results import read_result, read_results
from wavenet_ae.runs import RunFolder


def test_metrics_are_those_of_the_best_validation(tmp_path):
    run = write_run(tmp_path / "0", config("fsq"), rates={"nominal": 300.0, "unigram": 290.0})
    result = read_result(run, "0")
    assert (result.status, result.reason, result.num_steps) == ("finished", "", 40)
    assert result.metrics == pytest.approx(
        {
            "best_step": 20,
            "validation/nll": 3.0,
            "validation/nll_increase_shuffled_codes": 0.3,
            "bitrate/nominal": 300,
            "bitrate/unigram": 290,
            "bitrate/used": 290,
            "speed/times_real_time": 6,
            # 20 steps of 2 batches of 8 windows of half a second, at 4 and at 8 times real time
            "training_seconds": 20 * 2 * 8 * 0.5 * (1 / 4 + 1 / 8),
        }
    )


@pytest.mark.parametrize("start, best", [(0, 10), (9, 10), (10, 30), (30, None)])
def test_validations_of_a_codebook_that_has_not_started_do_not_count(start, best, tmp_path):
    values = config("vqvae", bottleneck={"start_after": start})
    run = write_run(tmp_path / "0", values, nlls=(2.0, 3.5, 3.0))
    assert read_result(run, "0").metrics.get("best_step") == best


def test_a_validation_that_is_not_finite_is_not_the_best(tmp_path):
    run = write_run(tmp_path / "0", config("ae"), nlls=(4.0, float("nan"), float("inf")))
    assert read_result(run, "0").metrics["best_step"] == 10
    run = write_run(tmp_path / "1", config("ae"), nlls=(float("nan"),))
    assert read_result(run, "1").metrics == {}


def test_a_run_that_can_be_resumed_is_unfinished(tmp_path):
    run = write_run(tmp_path / "0", config("ae"), last_saved=30)
    assert read_result(run, "0").status == "unfinished"
    run = write_run(tmp_path / "1", config("ae", trainer={"max_steps": -1}))
    assert read_result(run, "1").status == "unfinished"


def test_a_failed_run_has_its_reason_in_one_line(tmp_path):
    run = write_run(tmp_path / "0", config("ae"))
    RunFolder(run).failed.write_text("two reasons:\n  - one\n  - other\n")
    result = read_result(run, "0")
    assert (result.status, result.reason) == ("failed", "two reasons: - one - other")


@pytest.mark.parametrize(
    "file, content, reason",
    [
        ("config.yaml", "a: [1", "config.yaml cannot be read"),
        ("config.yaml", "- a list", "config.yaml is not a configuration"),
        ("config.yaml", "objective: {a: {_target_: gone.X}}", "has an objective that cannot be"),
        ("config.yaml", "objective: kl", "has an objective that cannot be used here"),
        ("metrics.csv", "a,b\n1,2\n", "metrics.csv, line 1: 'a,b' does not name"),
    ],
)
def test_a_run_that_cannot_be_read_has_failed(file, content, reason, tmp_path):
    run = write_run(tmp_path / "0", config("ae"))
    (run / file).write_text(content)
    result = read_result(run, "0")
    assert result.status == "failed" and reason in result.reason


def test_the_runs_of_a_sweep_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("10", "2"):
        write_run(tmp_path / name, config("ae"))
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "failed.txt").write_text("refused\n")
    (tmp_path / ".submitit").mkdir()
    (tmp_path / "multirun.yaml").touch()
    results = read_results(tmp_path)
    assert [each.name for each in results] == ["2", "9", "10"]
    assert results[1].config == {} and results[1].metrics == {}
