"""Commands that are killed at random instants lose nothing: the same command finishes the work.

Training is killed in test_resume.py, two processes of one run in test_processes.py.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from helpers.commands import run, start
from helpers.configs import TINY, TINY_CODES
from helpers.runs import assert_same, last_state, logged, trained
from helpers.small_models import contents, recordings

from wavenet_ae.runs import RunFolder

Files = dict[str, object]
LENGTHS = {f"spk{number % 4}/{number}.wav": 8000 + 400 * number for number in range(24)}
DAY = 86400


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return recordings(tmp_path_factory.mktemp("recordings"), LENGTHS)


def packed(folder: Path) -> Files:
    """What was packed, by the names below the cache."""
    return {name: data for name, data in contents(folder).items() if not name.endswith("lock")}


def generated(folder: Path) -> Files:
    return contents(folder, ".wav")


def encoded(folder: Path) -> Files:
    return contents(folder, ".npy") | contents(folder, ".tsv")


def evaluated(folder: Path) -> Files:
    """Tables of the evaluation, without times."""
    (file,) = folder.rglob("evaluation.json")
    return {"tables": json.loads(file.read_text())["tables"]}


def prepare(source: Path, model: Path, out: Path) -> list[str]:
    data = ["data=folder", f"data.root={source}", f"data.cache_dir={out}"]
    return ["prepare.py", *data, "data.num_packing_processes=2"]


def reconstruct(source: Path, model: Path, out: Path) -> list[str]:
    return ["generate.py", f"checkpoint={model}", f"input={source}", f"out={out}", "batch_size=3"]


def encode(source: Path, model: Path, out: Path) -> list[str]:
    return ["generate.py", "task=encode", f"checkpoint={model}", f"input={source}", f"out={out}"]


def evaluate(source: Path, model: Path, out: Path) -> list[str]:
    few = ["metrics=[likelihood,bitrate,units]", "num_utterances=2", "max_seconds=0.3"]
    return ["evaluate.py", f"checkpoint={model}", f"out={out}", *few]


COMMANDS: dict[str, tuple[Callable[[Path, Path, Path], list[str]], Callable[[Path], Files]]] = {
    "prepare": (prepare, packed),
    "reconstruct": (reconstruct, generated),
    "encode": (encode, encoded),
    "evaluate": (evaluate, evaluated),
}
LONG = pytest.mark.long


@pytest.mark.slow
@pytest.mark.parametrize("num_kills", [3, pytest.param(15, marks=LONG)])
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_that_is_killed_is_finished_by_the_same_command(
    name, num_kills, source, quantized, cache, tmp_path
):
    command, results = COMMANDS[name]
    model = RunFolder(quantized).best_checkpoint
    begun = time.monotonic()
    run_to_its_end(command(source, model, tmp_path / "undisturbed"), cache)
    seconds = time.monotonic() - begun
    wanted = results(tmp_path / "undisturbed")
    assert wanted
    disturbed = command(source, model, tmp_path / "killed")
    for _ in range(num_kills):
        kill_at_random(disturbed, seconds, cache)
        if not (tmp_path / "killed").exists():
            continue
        found = {} if name == "evaluate" else results(tmp_path / "killed")
        whole = {each: data for each, data in found.items() if not is_growing(each)}
        assert whole.items() <= wanted.items(), "what has a name is complete"
    run_to_its_end(disturbed, cache)
    assert results(tmp_path / "killed") == wanted
    left = [each for each in contents(tmp_path / "killed") if each.endswith(".partial")]
    assert not left, "what a kill has left is cleared away"


def is_growing(name: str) -> bool:
    """Whether a file is one that is still being written, or that grows with what is done."""
    return bool(re.search(r"\.partial$|(^|/)units\.tsv$", name))


def run_to_its_end(command: Sequence[str], cache: Path) -> None:
    code, output = run(*command, cache=cache)
    assert code == 0, output


def kill_at_random(command: Sequence[str], seconds: float, cache: Path) -> None:
    """Kills the command within `seconds` of its start; where it has ended by then, nothing."""
    process = start(*command, cache=cache)
    time.sleep(random.Random(time.time_ns()).uniform(0, seconds))  # others each time: all must do
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.wait() in (0, -signal.SIGKILL)


@pytest.mark.slow
def test_a_clock_that_jumps_back_changes_nothing(cache, tmp_path):
    """A resumed run finds all of its files, and those of the corpus, a day in the future."""
    own_cache = tmp_path / "cache"
    settings = [*TINY, *TINY_CODES, f"data.cache_dir={own_cache}", "trainer.max_steps=16"]
    whole = trained(tmp_path / "whole", cache, *settings)
    folder = trained(tmp_path / "run", cache, *settings, "trainer.max_steps=8")
    for file in (*folder.rglob("*"), *own_cache.rglob("*")):
        os.utime(file, (time.time() + DAY,) * 2)
    code, output = run("train.py", f"resume={folder}", "trainer.max_steps=16", cache=cache)
    assert code == 0 and "resumed at step 8" in output, output
    assert_same(last_state(folder), last_state(whole))
    assert logged(folder) == logged(whole)
    shutil.rmtree(own_cache)
