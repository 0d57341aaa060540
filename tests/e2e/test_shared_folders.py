"""Two commands that want one folder at a time: one has it, the other says whose it is."""

from __future__ import annotations

import re
import time

import pytest
from helpers.commands import ROOT, run, start
from helpers.configs import TINY, TINY_CODES
from helpers.small_models import recordings

from wavenet_ae.runs import RunFolder, runs_in
from wavenet_ae.stored import read_config

pytestmark = pytest.mark.slow
REFUSED = r"error: .* is in use by another process \(process \d+ on \S+\): "


def both(first: list[str], second: list[str], cache, folder=ROOT) -> list[tuple[int, str]]:
    """Exit codes and outputs of two commands that start together."""
    processes = [start(*each, cache=cache, folder=folder) for each in (first, second)]
    outputs = [each.communicate(timeout=300)[0] for each in processes]
    return [(each.wait(), text) for each, text in zip(processes, outputs, strict=True)]


def test_of_two_runs_in_one_folder_one_is_refused(cache, tmp_path):
    folder = tmp_path / "same run (1)"
    settings = ["train.py", *TINY, *TINY_CODES, f"run_folder={folder}", "trainer.max_steps=60"]
    ends = both([*settings, "seed=1"], [*settings, "seed=2"], cache)
    assert sorted(code for code, _ in ends) == [0, 1], ends
    refused = next(text for code, text in ends if code)
    assert re.search(REFUSED + "wait for that run, or set run_folder", refused), refused
    seed = 1 if ends[0][0] == 0 else 2
    assert f"seed: {seed}\n" in RunFolder(folder).config.read_text()
    code, output = run("train.py", f"resume={folder}", "trainer.max_steps=64", cache=cache)
    assert code == 0 and "resumed at step 60" in output, output


def test_runs_that_start_in_the_same_second_have_folders_of_their_own(cache, tmp_path):
    settings = ["train.py", *TINY, *TINY_CODES, "trainer.max_steps=4"]
    for _ in range(5):  # until two start in one second
        while time.time() % 1 > 0.2:
            time.sleep(0.01)
        ends = both([*settings, "seed=1"], [*settings, "seed=2"], cache, tmp_path)
        assert [code for code, _ in ends] == [0, 0], ends
        folders = sorted((tmp_path / "outputs" / "toy").iterdir())
        if any(each.name.endswith("_1") for each in folders):
            break
    else:
        pytest.skip("no two runs started in the same second")
    assert all(RunFolder(each).step_checkpoints() for each in folders)
    assert len(folders) % 2 == 0, "each run has its own"


GRID = ["-m", "seed=1,2"]
SEARCH = ["-m", "hydra/sweeper=search", "hydra.sweeper.num_trials=1", "seed=choice(1,2)"]


@pytest.mark.parametrize("sweep", [GRID, SEARCH])
def test_sweeps_that_start_in_the_same_second_have_folders_of_their_own(sweep, cache, tmp_path):
    # "%%S" is no second: all sweeps of this year have one name.
    name = """hydra.sweep.dir="it's/${now:%Y%%S}\""""
    settings = ["train.py", *sweep, *TINY, *TINY_CODES, "trainer.max_steps=4", name]
    ends = both(settings, settings, cache, tmp_path)
    assert [code for code, _ in ends] == [0, 0], ends
    folders = sorted((tmp_path / "it's").iterdir())
    assert [each.name for each in folders] == [
        f"{time.strftime('%Y')}%S{end}" for end in ("", "_1")
    ]
    for each in folders:
        runs = runs_in(each)
        assert len(runs) == (2 if sweep == GRID else 1)
        assert all(RunFolder(run).step_checkpoints() for run in runs)
        assert read_config(RunFolder(runs[0]).config)["run_folder"] == str(runs[0])
        assert (each / "sweep.csv").is_file()


def test_of_two_generations_into_one_folder_one_is_refused(quantized, cache, tmp_path):
    lengths = {f"{number}.wav": 16000 for number in range(6)}
    source, out = recordings(tmp_path / "in", lengths), tmp_path / "out"
    model = f"checkpoint={RunFolder(quantized).best_checkpoint}"
    command = ["generate.py", model, f"input={source}", f"out={out}", "engine=reference"]
    ends = both(command, command, cache)
    assert sorted(code for code, _ in ends) == [0, 1], ends
    assert re.search(REFUSED + "wait until it is done, or set out", ends[0][1] + ends[1][1])
