"""A search on disk: a killed search continues, and another search is refused."""

from __future__ import annotations

from math import nan

import optuna
import pytest
from helpers.configs import OBJECTIVES
from optuna.trial import TrialState

from wavenet_ae.errors import UserError
from wavenet_ae.search.settings import SearchSettings, check_search_settings
from wavenet_ae.search.space import parse_space
from wavenet_ae.search.study import FILE, Outcome, Trials, open_trials

PARAMS = {"x": "interval(0.0, 1.0)", "y": "choice(a,b)"}
REFERENCE = {
    "seed": 1,
    "trainer": {"max_steps": 10, "accelerator": "cpu"},
    "objective": OBJECTIVES,
}


def opened(folder, params=PARAMS, reference=REFERENCE, **settings) -> Trials:
    checked = SearchSettings(num_trials=8, params=params, **settings)
    return open_trials(folder, parse_space(params, []), checked, reference)


def figure(trial) -> float:
    return (trial.params["x"] - 0.3) ** 2 + (trial.params["y"] == "a")


def test_a_search_that_is_opened_again_draws_what_it_would_have_drawn(tmp_path):
    drawn = []
    for name, is_reopened in (("once", False), ("again", True)):
        (tmp_path / name).mkdir()
        trials = opened(tmp_path / name)
        values = []
        for _ in range(14):  # more than Optuna draws at random in the beginning
            trial = trials.ask()
            if is_reopened:
                trials = opened(tmp_path / name)
                (trial,) = trials.unfinished()
            trials.tell(trial, Outcome(figure(trial)))
            values.append(trial.params)
        drawn.append(values)
    assert drawn[0] == drawn[1]
    assert len({each["x"] for each in drawn[0]}) == 14, "none is drawn twice"


def test_a_kill_between_number_and_values_is_made_good(tmp_path):
    opened(tmp_path).study.ask()  # without values
    (trial,) = opened(tmp_path).unfinished()
    assert trial.number == 0 and trial.params.keys() == PARAMS.keys()


def test_outcomes(tmp_path):
    trials = opened(tmp_path)
    assert trials.best() is None
    for value in (0.5, nan, 0.2):
        trials.tell(trials.ask(), Outcome(value, "" if value == value else "it diverged"))
    trials.ask()
    assert trials.num_finished() == 3
    failed = trials.study.get_trials()[1]
    assert failed.state == TrialState.FAIL and failed.user_attrs["reason"] == "it diverged"
    assert trials.best().number == 2


def test_a_killed_creation_leaves_nothing_behind(tmp_path):
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
def test_another_search_is_refused(tmp_path, changes, message):
    opened(tmp_path)
    with pytest.raises(UserError, match=message + r".*hydra\.sweep\.dir"):
        opened(tmp_path, **changes)


def test_placement_and_numbers_may_change(tmp_path):
    trials = opened(tmp_path)
    trials.tell(trials.ask(), Outcome(0.5, ""))
    elsewhere = {**REFERENCE, "trainer": {"max_steps": 10, "accelerator": "gpu"}}
    continued = opened(tmp_path, reference=elsewhere, num_parallel=4, seed=5)
    assert continued.num_finished() == 1 and continued.best().value == 0.5


def test_runs_of_something_else_are_refused(tmp_path):
    (tmp_path / "0").mkdir()
    with pytest.raises(UserError, match="holds 1 run of no search"):
        opened(tmp_path)


def test_settings_are_checked():
    with pytest.raises(UserError) as error:
        check_search_settings({"num_trails": 5, "num_parallel": -1, "num_trials": 2})
    assert "num_trails is not known. Did you mean 'num_trials'?" in str(error.value)
    assert "hydra.sweeper.num_parallel is -1, but must be" in str(error.value)


def test_optuna_is_quiet(tmp_path):
    opened(tmp_path)
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING
