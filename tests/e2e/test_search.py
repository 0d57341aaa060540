"""A search that is killed continues: it trains as many trials as were set, none of them twice."""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from helpers.commands import Command, run, start
from helpers.runs import logged
from helpers.searches import DIVERGES, NUM_TRIALS, SEARCH, STEPS, outcomes, trials_of
from optuna.trial import TrialState

from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.runs import RunFolder


def num_starts(sweep: Path) -> dict[str, int]:
    """Returns how often training began in each run folder; finished runs are not started again."""
    files = sweep.glob("*/provenance.jsonl")
    return {file.parent.name: len(file.read_text().splitlines()) for file in files}


def kill_when(process: Command, condition: Callable[[], bool]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def never_killed(cache, tmp_path_factory) -> Path:
    sweep = tmp_path_factory.mktemp("never_killed") / "sweep"
    code, output = run("train.py", *SEARCH, f"hydra.sweep.dir={sweep}", cache=cache)
    assert code == 0, output
    return sweep


@pytest.mark.slow
def test_a_search_that_is_killed_twice_finishes_its_trials(cache, tmp_path, never_killed):
    sweep = tmp_path / "sweep"
    command = [*SEARCH, f"hydra.sweep.dir={sweep}"]
    process = start("train.py", *command, cache=cache)
    kill_when(process, lambda: bool(RunFolder(sweep / "1").step_checkpoints()))
    middle = newest_checkpoint(RunFolder(sweep / "1"))[1]["global_step"]
    assert middle < STEPS

    process = start("train.py", *command, cache=cache)
    log = sweep / "1" / "train.log"
    seconds = random.Random(time.time_ns()).uniform(0, 4)  # another instant each time: all must do
    kill_when(process, lambda: f"resumed at step {middle}" in log.read_text())
    process = start("train.py", *command, cache=cache)
    begun = time.monotonic()
    kill_when(process, lambda: time.monotonic() - begun > seconds)

    code, output = run("train.py", *command, cache=cache)
    assert code == 0, output
    assert all(each.state.is_finished() for each in trials_of(sweep))
    assert outcomes(sweep) == outcomes(never_killed), f"killed after {seconds} s"
    assert sorted(num_starts(sweep)) == [str(number) for number in range(NUM_TRIALS)]
    assert sum(num_starts(sweep).values()) <= NUM_TRIALS + 3, "a kill costs one start at most"
    assert num_starts(sweep)["1"] >= 2
    for number in range(NUM_TRIALS):
        steps = [int(row["step"]) for row in logged(sweep / str(number))]
        assert steps == sorted(set(steps)), "no step is trained twice"
        assert logged(sweep / str(number)) == logged(never_killed / str(number))


@pytest.mark.slow
def test_diverging_trials_have_failed(never_killed):
    trials = trials_of(never_killed)
    assert len(trials) == NUM_TRIALS
    failed = [each for each in trials if each.params["optimizer.learning_rate"] == DIVERGES]
    assert 0 < len(failed) < NUM_TRIALS, "choose another hydra.sweeper.seed"
    for trial in trials:
        run_folder = never_killed / str(trial.number)
        if trial in failed:
            assert trial.state == TrialState.FAIL
            assert "the loss is not finite at step" in trial.user_attrs["reason"]
            assert RunFolder(run_folder).failed.is_file()
        else:
            assert trial.state == TrialState.COMPLETE
            best = newest_checkpoint(RunFolder(run_folder))[1]["callbacks"]["Checkpoints"]
            assert trial.value == best["best_value"]
    record = yaml.safe_load((never_killed / "best.yaml").read_text())
    completed = [each for each in trials if each.state == TrialState.COMPLETE]
    best_trial = min(completed, key=lambda each: each.value)
    assert record["trial"] == best_trial.number and record["value"] == best_trial.value
    assert (
        f"optimizer.learning_rate={best_trial.params['optimizer.learning_rate']}"
        in (record["overrides"])
    )


@pytest.mark.slow
def test_repeating_the_command_trains_only_the_additional_trials(cache, never_killed):
    command = [*SEARCH, f"hydra.sweep.dir={never_killed}"]
    before = num_starts(never_killed)
    code, output = run("train.py", *command, cache=cache)
    assert code == 0 and f"best of {NUM_TRIALS} trials" in output
    assert num_starts(never_killed) == before
    more = f"hydra.sweeper.num_trials={NUM_TRIALS + 1}"
    code, output = run("train.py", *command, more, cache=cache)
    assert code == 0, output
    assert num_starts(never_killed) == {**before, str(NUM_TRIALS): 1}


@pytest.mark.slow
def test_a_second_search_is_refused_and_a_stop_ends_the_first(cache, tmp_path):
    sweep = tmp_path / "sweep"
    command = [*SEARCH, f"hydra.sweep.dir={sweep}", "trainer.max_steps=20000"]
    process = start("train.py", *command, cache=cache)
    while not RunFolder(sweep / "0").step_checkpoints():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    code, output = run("train.py", *command, cache=cache)
    refused = (
        rf"sweep is in use by another process \(process {process.pid} on .*wait for that search"
    )
    assert code == 1 and re.search(refused, output), output
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 143 and "Traceback" not in output, output
    assert "run the same command again to continue" in output
    (trial,) = trials_of(sweep)
    assert trial.state == TrialState.RUNNING, "the same command continues it"


MISTAKES = {
    "nothing to search": (
        ["optimizer.learning_rate=1", "optimizer.decoder_learning_rate=1"],
        "leaves nothing to search",
    ),
    "unknown key": (["optimizer.learning_rat=interval(0.1,0.2)"], r"optimizer\.learning_rat"),
    "a choice that is not a number": (
        ["bottleneck.dim=choice(8,many)"],
        r"bottleneck\.dim is 'many', but must be a whole number",
    ),
    "no number of trials": (["hydra.sweeper.num_trials=0"], r"hydra\.sweeper\.num_trials is 0"),
    "several devices": (["trainer.devices=2"], "a run of a sweep computes on one device"),
}


@pytest.mark.slow
def test_wrong_settings_are_named_before_any_trial(cache, tmp_path):
    for name, (arguments, message) in MISTAKES.items():
        sweep = tmp_path / name.replace(" ", "_")
        code, output = run("train.py", *SEARCH, *arguments, f"hydra.sweep.dir={sweep}", cache=cache)
        assert code == 1 and re.search(message, output), f"{name}: {output}"
        assert "Traceback" not in output
        assert not (sweep / "0").exists(), name
