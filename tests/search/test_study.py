"""A search on disk: a killed search continues, and a different search is refused."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import optuna
import pytest
from helpers.searches import PARAMS, REFERENCE, opened
from optuna.trial import TrialState

from wavenet_ae.errors import UserError
from wavenet_ae.search.study import FILE, Outcome


def value(trial) -> float:
    return (trial.params["x"] - 0.3) ** 2 + (trial.params["y"] == "a")


def test_a_search_that_is_opened_again_samples_the_same_values(tmp_path):
    sampled = []
    for name, is_reopened in (("once", False), ("again", True)):
        (tmp_path / name).mkdir()
        trials = opened(tmp_path / name)
        values = []
        for _ in range(14):  # more than Optuna samples at random at first
            trial = trials.ask()
            if is_reopened:
                trials = opened(tmp_path / name)
                (trial,) = trials.unfinished()
            trials.tell(trial, Outcome(value(trial)))
            values.append(trial.params)
        sampled.append(values)
    assert sampled[0] == sampled[1]
    assert len({each["x"] for each in sampled[0]}) == 14, "no value is sampled twice"


@pytest.mark.parametrize("num_values", [0, 1])
def test_a_trial_that_was_killed_amid_its_values_gets_those_it_would_have_had(tmp_path, num_values):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    wanted = opened(whole).ask().params
    trials = opened(killed)
    first = dict([*trials.space.searched.items()][:num_values])
    trials.space = replace(trials.space, searched=first)
    assert len(trials.ask().params) == num_values
    (trial,) = opened(killed).unfinished()
    assert trial.number == 0 and trial.params == wanted


def test_outcomes_are_recorded_and_the_best_is_found(tmp_path):
    trials = opened(tmp_path)
    assert trials.best() is None
    for value in (0.5, nan, 0.2):
        trials.tell(trials.ask(), Outcome(value, "" if value == value else "it diverged"))
    trials.ask()
    assert trials.num_finished() == 3
    failed = trials.study.get_trials()[1]
    assert failed.state == TrialState.FAIL and failed.user_attrs["reason"] == "it diverged"
    assert trials.best().number == 2


def test_the_file_of_a_killed_creation_is_removed(tmp_path):
    (tmp_path / f".{FILE}.{'0' * 32}.partial").write_bytes(b"the beginning of a file")
    assert opened(tmp_path).num_finished() == 0
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"params": {**PARAMS, "x": "interval(0.0, 2.0)"}}, r"x: interval\(0.0, 1.0\) then, inter"),
        ({"params": {"x": PARAMS["x"]}}, r"y: choice\(a,b\) then, not searched now"),
        ({"reference": {**REFERENCE, "seed": 2}}, "seed: 1 then, 2 now"),
        (
            {"reference": {**REFERENCE, "trainer": {"max_steps": 20, "accelerator": "cpu"}}},
            "trainer.max_steps: 10 then, 20 now",
        ),
    ],
)
def test_a_different_search_is_refused(tmp_path, changes, message):
    opened(tmp_path)
    with pytest.raises(UserError, match=message + r".*hydra\.sweep\.dir"):
        opened(tmp_path, **changes)


def test_the_device_and_settings_of_the_search_may_change(tmp_path):
    trials = opened(tmp_path)
    trials.tell(trials.ask(), Outcome(0.5, ""))
    elsewhere = {**REFERENCE, "trainer": {"max_steps": 10, "accelerator": "gpu"}}
    continued = opened(tmp_path, reference=elsewhere, num_parallel=4, seed=5)
    assert continued.num_finished() == 1 and continued.best().value == 0.5


def test_a_folder_with_runs_of_a_grid_is_refused(tmp_path):
    (tmp_path / "0").mkdir()
    with pytest.raises(UserError, match="holds 1 run of no search"):
        opened(tmp_path)


def test_optuna_logs_warnings_only(tmp_path):
    opened(tmp_path)
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING
