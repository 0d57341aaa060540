"""Runs side by side in processes and in jobs that are preempted: each ends as it does alone."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.commands import Command, run, start
from helpers.configs import TINY
from helpers.runs import assert_same, last_state, logged, trained

from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.runs import RunFolder

STEPS = 120
SETTINGS = [
    *TINY,
    *("bottleneck=ae", f"trainer.max_steps={STEPS}"),
    "callbacks.checkpoints.every_n_steps=1000",  # what is saved before the end is by the signal
    "validate_every_n_steps=1000",
]


@pytest.fixture(scope="module")
def alone(cache, tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("alone") / "run", cache, *SETTINGS)


def await_or_fail(process: Command, condition: Callable[[], bool]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)


def has_trained(run_folder: Path, num_steps: int) -> bool:
    file = RunFolder(run_folder).metrics
    return file.is_file() and len(file.read_text().splitlines()) > num_steps


def children(pid: int) -> list[int]:
    """Processes that `pid` has started (Linux)."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
def test_processes_side_by_side(cache, tmp_path, alone):
    """One fails, which neither stops the others nor is left untold."""
    grid = ["seed=1", "optimizer.learning_rate=0.001,1e30", "hydra.mode=MULTIRUN"]
    code, output = run(
        "train.py",
        *SETTINGS,
        *grid,
        "hydra/launcher=local",
        f"hydra.sweep.dir={tmp_path}",
        cache=cache,
    )
    assert code == 1 and "1 of 2 runs failed" in output, output
    assert "the loss is not finite" in (tmp_path / "1" / "failed.txt").read_text()
    assert_same(last_state(tmp_path / "0"), last_state(alone))


@pytest.mark.slow
def test_a_killed_search_goes_on_beside_processes_that_outlived_it(cache, tmp_path):
    command = [
        *SETTINGS,
        *("sweep=learning_rates", "hydra/launcher=local", "hydra.sweeper.num_trials=2"),
        *("callbacks.checkpoints.every_n_steps=5", f"hydra.sweep.dir={tmp_path}"),
        "validate_every_n_steps=60",
    ]
    folders = [tmp_path / "0", tmp_path / "1"]
    process = start("train.py", *command, cache=cache)
    await_or_fail(process, lambda: all(has_trained(each, 10) for each in folders))
    process.send_signal(signal.SIGKILL)
    process.wait()  # its output stays open in the processes that it has started
    code, output = run("train.py", *command, cache=cache)
    assert code == 0 and "best of 2 trials" in output, output
    for folder in folders:
        steps = [int(row["step"]) for row in logged(folder)]
        assert steps == list(range(STEPS)), "no two processes have trained here at a time"
        assert read_metrics(RunFolder(folder).metrics)["validation/nll"][0].tolist() == [60, 120]


@pytest.mark.slow
def test_a_preempted_job_saves_is_queued_again_and_goes_on(cache, tmp_path, alone):
    """By submitit's own executor of local jobs, which sends and takes what that of SLURM does."""
    process = start(
        "train.py",
        *SETTINGS,
        *("seed=1", "hydra.mode=MULTIRUN", "hydra/launcher=submitit_local"),
        f"hydra.sweep.dir={tmp_path}",
        cache=cache,
    )
    run_folder = tmp_path / "0"
    await_or_fail(process, lambda: has_trained(run_folder, 20))
    (controller,) = children(process.pid)
    (job,) = children(controller)
    for number in (signal.SIGTERM, signal.SIGUSR2):  # a preempted job gets both
        subprocess.run(["kill", f"-{int(number)}", str(job)], check=True)
    await_or_fail(process, lambda: bool(RunFolder(run_folder).step_checkpoints()))
    stopped = int(RunFolder(run_folder).step_checkpoints()[0].stem.removeprefix("step-"))
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    log = RunFolder(run_folder).log.read_text()
    assert f"stopping at step {stopped}: saved" in log and stopped < STEPS
    assert f"resumed at step {stopped}" in log
    assert len(RunFolder(run_folder).provenance.read_text().splitlines()) == 2
    assert not RunFolder(run_folder).failed.exists()
    assert_same(last_state(run_folder), last_state(alone))
    assert logged(run_folder) == logged(alone)
