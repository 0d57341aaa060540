"""A run that is killed and resumed ends where the run that was never killed ends."""

from __future__ import annotations

import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from functools import cache as once
from pathlib import Path

import pytest
from helpers.commands import Command, run, run_interpreter, start
from helpers.configs import TINY, TINY_CODES
from helpers.runs import assert_same, last_state, logged, trained

from wavenet_ae.checkpoint import newest_checkpoint, read_checkpoint
from wavenet_ae.runs import RunFolder

STEPS = 80
SETTINGS = [
    *TINY,
    *TINY_CODES,
    f"trainer.max_steps={STEPS}",
    "callbacks.checkpoints.every_n_steps=10",
]
# With a checkpoint of some 10 MB, whose writing takes a while.
KILLED = [*SETTINGS, "encoder.dim=192"]


@pytest.fixture(scope="module")
def uninterrupted(cache, tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("uninterrupted") / "run", cache, *SETTINGS)


@pytest.fixture(scope="module")
def never_killed(cache, tmp_path_factory) -> Callable[[int], Path]:
    """A function from a number of steps to the folder of such a run; each trains once."""

    @once
    def folder(steps: int) -> Path:
        settings = [*KILLED, f"trainer.max_steps={steps}"]
        return trained(tmp_path_factory.mktemp("never_killed") / "run", cache, *settings)

    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_kills", "steps", "number"),
    [(6, 160, 0), *(pytest.param(20, 400, each, marks=pytest.mark.long) for each in range(5))],
)
def test_kill_9_at_random_instants(cache, tmp_path, never_killed, num_kills, steps, number):
    """A quarter of the kills or more come while a checkpoint is being written."""
    folder = tmp_path / "run"
    arguments = [*KILLED, f"trainer.max_steps={steps}", f"hydra.run.dir={folder}"]
    rng = random.Random(time.time_ns())  # the instants differ from run to run: all must do
    num_in_writes = 0
    for kill in range(num_kills):
        process = start_training(arguments, folder, cache)
        if kill % 3 == 0:
            await_or_fail(process, lambda: unfinished_checkpoint(folder))
        else:
            time.sleep(rng.uniform(0.0, 0.2))
        assert process.poll() is None, "the run ended before it was killed: make it longer"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        num_in_writes += unfinished_checkpoint(folder)  # a dead process finishes nothing
        arguments = [f"resume={folder}"]
    assert num_in_writes >= num_kills // 4
    code, output = run_interpreter("train.py", f"resume={folder}", cache=cache)
    assert code == 0, output
    whole = never_killed(steps)
    assert_same(last_state(folder), last_state(whole))
    assert logged(folder) == logged(whole)
    assert not unfinished_checkpoint(folder), "what a kill has left is cleared away"


def start_training(arguments: list[str], folder: Path, cache: Path) -> Command:
    """Start train.py and come back when it trains."""
    metrics = RunFolder(folder).metrics
    before = metrics.stat().st_mtime_ns if metrics.is_file() else 0
    process = start("train.py", *arguments, cache=cache)
    await_or_fail(process, lambda: metrics.is_file() and metrics.stat().st_mtime_ns != before)
    return process


def await_or_fail(process: Command, condition: Callable[[], bool]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.0005)


def unfinished_checkpoint(folder: Path) -> bool:
    return any(RunFolder(folder).checkpoints.glob(".step-*.ckpt.*.partial"))


@pytest.mark.parametrize(
    "number, exit_code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.slow
def test_a_signal_saves_and_stops(cache, tmp_path, uninterrupted, number, exit_code):
    folder = tmp_path / "run"
    process = start("train.py", *SETTINGS, f"hydra.run.dir={folder}", cache=cache)
    while process.poll() is None and not RunFolder(folder).step_checkpoints():
        time.sleep(0.02)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == exit_code, output
    assert "saved" in output and "Traceback" not in output
    stopped = newest_checkpoint(RunFolder(folder))[1]["global_step"]
    assert f"stopping at step {stopped}" in output and stopped < STEPS
    code, output = run("train.py", f"resume={folder}", cache=cache)
    assert code == 0, output
    assert f"resumed at step {stopped}" in output
    assert_same(last_state(folder), last_state(uninterrupted))
    assert logged(folder) == logged(uninterrupted)


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(re.search(r"SigCgt:\s*(\w+)", status).group(1), 16)
    return bool(mask >> (number - 1) & 1)


@pytest.mark.slow
def test_a_second_ctrl_c_aborts_at_once(cache, tmp_path):
    folder = tmp_path / "run"
    # so long between optimizer steps that the first Ctrl-C cannot end the run soon
    slow = ["trainer.accumulate_grad_batches=100000", "trainer.max_steps=5"]
    process = start("train.py", *TINY, *TINY_CODES, *slow, f"hydra.run.dir={folder}", cache=cache)
    while process.poll() is None and not catches(process.pid, signal.SIGTERM):
        time.sleep(0.1)
    time.sleep(2)  # from the start of the fit to its first batches
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT


@pytest.mark.slow
def test_a_resume_may_prolong_but_not_change_the_run(cache, tmp_path, uninterrupted):
    folder = tmp_path / "run"
    code, output = run(
        "train.py", *SETTINGS, "trainer.max_steps=30", f"hydra.run.dir={folder}", cache=cache
    )
    assert code == 0, output
    config = RunFolder(folder).config.read_text()
    for change in ("optimizer.learning_rate=1", "data.batch_size=8", "seed=3"):
        code, output = run("train.py", f"resume={folder}", change, cache=cache)
        assert code == 1 and change.split("=")[0] in output and "resume" in output
        assert "Traceback" not in output
    code, output = run("train.py", f"resume={folder}", f"trainer.max_steps={STEPS}", cache=cache)
    assert code == 0, output
    assert RunFolder(folder).config.read_text() == config, "written once"
    assert_same(last_state(folder), last_state(uninterrupted))
    assert logged(folder) == logged(uninterrupted)


@pytest.mark.slow
def test_a_damaged_newest_checkpoint_falls_back_aloud(cache, tmp_path, uninterrupted):
    folder = tmp_path / "run"
    shutil.copytree(uninterrupted, folder)
    newest = RunFolder(folder).step_checkpoints()[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    code, output = run("train.py", f"resume={folder}", cache=cache)
    assert code == 0 and f"step-{STEPS:08d}.ckpt is damaged" in output
    assert re.search(r"resumed at step 7\d\b", output), "the one before: every tenth, or a best"
    assert read_checkpoint(newest)["global_step"] == STEPS
    assert_same(last_state(folder), last_state(uninterrupted))
