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
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.commands import Command, run, start
from helpers.configs import TINY, TINY_CODES
from helpers.runs import assert_same, last_state, logged, trained
from helpers.searches import SEARCH, outcomes
from helpers.small_models import contents, recordings

from wavenet_ae.runs import RunFolder

Files = dict[str, object]
LENGTHS = {f"spk{number % 4}/{number}.wav": 8000 + 400 * number for number in range(24)}
DAY = 86400


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return recordings(tmp_path_factory.mktemp("recordings"), LENGTHS)


def packed(folder: Path) -> Files:
    """What was packed, by the names below the cache, without the marks of who writes there.

    A process that is killed leaves its `.owner` file, which the next one overwrites.
    """
    marks = (".lock", ".owner")
    return {name: data for name, data in contents(folder).items() if not name.endswith(marks)}


def generated(folder: Path) -> Files:
    return contents(folder, ".wav")


def encoded(folder: Path) -> Files:
    return contents(folder, ".npy") | contents(folder, ".tsv")


def evaluated(folder: Path) -> Files:
    """Tables of the evaluation, without times."""
    (file,) = folder.rglob("evaluation.json")
    return {"tables": json.loads(file.read_text())["tables"]}


def searched(folder: Path) -> Files:
    """Each finished trial's outcome, and all that its run has logged."""
    if not (folder / "search.db").is_file():
        return {}
    return {
        str(number): (params, values, state, logged(folder / str(number)))
        for number, params, values, state in outcomes(folder)
        if state.is_finished()
    }


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


def search(source: Path, model: Path, out: Path) -> list[str]:
    # with checkpoints of some 10 MB, whose writing takes a while
    writes = ["encoder.dim=192", "callbacks.checkpoints.every_n_steps=10"]
    return ["train.py", *SEARCH, *writes, f"hydra.sweep.dir={out}"]


@dataclass(frozen=True)
class Kind:
    """A command that is killed.

    Attributes:
        command: Its arguments, of recordings, a model, and the folder for its results.
        results: What it leaves in that folder, by name.
        share: The share of its time, undisturbed, within which it is killed.
        writing: Files that it writes; every third kill comes while there is one.
    """

    command: Callable[[Path, Path, Path], list[str]]
    results: Callable[[Path], Files]
    share: float = 1.0
    writing: str = ""


KINDS = {
    "prepare": Kind(prepare, packed),
    "reconstruct": Kind(reconstruct, generated),
    "encode": Kind(encode, encoded),
    "evaluate": Kind(evaluate, evaluated),
    "search": Kind(search, searched, 0.25, "*/checkpoints/.step-*.ckpt.*.partial"),
}
LONG = pytest.mark.long


@pytest.mark.slow
@pytest.mark.parametrize("num_kills", [3, pytest.param(15, marks=LONG)])
@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_command_that_is_killed_is_finished_by_the_same_command(
    name, num_kills, source, quantized, cache, tmp_path
):
    kind = KINDS[name]
    model = RunFolder(quantized).best_checkpoint
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "killed"
    begun = time.monotonic()
    run_to_its_end(kind.command(source, model, undisturbed), cache)
    seconds = (time.monotonic() - begun) * kind.share
    wanted = kind.results(undisturbed)
    assert wanted
    disturbed = kind.command(source, model, folder)
    num_killed, num_in_writes = 0, 0
    for number in range(num_kills):
        process = start(*disturbed, cache=cache)
        if kind.writing and number % 3 == 0:
            await_writing(process, folder, kind.writing)
        else:  # other instants each time: all must do
            time.sleep(random.Random(time.time_ns()).uniform(0, seconds))
        num_killed += is_killed(process)
        num_in_writes += bool(kind.writing) and is_writing(folder, kind.writing)
        if not folder.exists():
            continue
        found = {} if name == "evaluate" else kind.results(folder)
        whole = {each: data for each, data in found.items() if not is_growing(each)}
        assert whole.items() <= wanted.items(), "what has a name is complete"
    print(f"{name}: {num_killed} kills, {num_in_writes} of them within the writing of checkpoints")
    assert num_in_writes >= (num_kills // 5 if kind.writing else 0)
    run_to_its_end(disturbed, cache)
    assert kind.results(folder) == wanted
    left = [each for each in contents(folder) if each.endswith(".partial")]
    assert not left, "what a kill has left is cleared away"


def is_growing(name: str) -> bool:
    """Whether a file is one that is still being written, or that grows with what is done."""
    return bool(re.search(r"\.partial$|(^|/)units\.tsv$", name))


def is_writing(folder: Path, files: str) -> bool:
    return any(folder.glob(files))


def await_writing(process: Command, folder: Path, files: str) -> None:
    while not is_writing(folder, files) and process.poll() is None:
        time.sleep(0.0005)


def is_killed(process: Command) -> bool:
    """Kills a process; returns False where it has ended before."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code = process.wait()
    assert code in (0, -signal.SIGKILL)
    return code != 0


def run_to_its_end(command: Sequence[str], cache: Path) -> None:
    code, output = run(*command, cache=cache)
    assert code == 0, output


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
