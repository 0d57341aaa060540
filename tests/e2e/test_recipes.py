"""A recipe that is killed in any of its stages ends where one that was never killed ends."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from helpers.commands import run, start
from helpers.recipes import NAMES, RECIPE, UNIT_STAGES, UNITS, runs
from helpers.runs import assert_same, last_state, logged

import wavenet_ae
from wavenet_ae.checkpoint import read_checkpoint
from wavenet_ae.comparison.results import read_result
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.runs import RunFolder


@pytest.fixture(scope="module")
def undisturbed(cache, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "recipe"
    code, output = run("train.py", *RECIPE, f"run_folder={folder}", cache=cache)
    assert code == 0, output
    return folder


def assert_same_recipe(left: Path, right: Path, names: Sequence[str] = NAMES) -> None:
    """Weights, optimizers, positions and logs of all stages."""
    for one, other in zip(runs(left, names), runs(right, names), strict=True):
        assert_same(last_state(one.path), last_state(other.path), one.name)
        assert logged(one.path) == logged(other.path)
        assert_same(
            read_checkpoint(one.best_checkpoint)["state_dict"],
            read_checkpoint(other.best_checkpoint)["state_dict"],
        )


def weights(folder: RunFolder) -> dict[str, torch.Tensor]:
    return wavenet_ae.load(folder.best_checkpoint).state_dict()


@pytest.mark.slow
def test_each_stage_starts_from_the_one_before(undisturbed):
    teach, name, speak = runs(undisturbed)
    encoders = [
        {key: value for key, value in weights(each).items() if key.startswith("encoder.")}
        for each in (teach, name, speak)
    ]
    assert_same(encoders[1], encoders[0])
    assert_same(encoders[2], encoders[0])
    codebooks = [weights(each)["bottleneck.codebook"] for each in (name, speak)]
    assert torch.equal(*codebooks)
    assert weights(name)["decoder.post.weight"].shape != weights(speak)["decoder.post.weight"].shape
    for number, each in enumerate(runs(undisturbed), start=1):
        text = each.log.read_text()
        assert f"stage {number} of 3, {NAMES[number - 1]}" in text
        assert json.loads(each.completed.read_text())["max_steps"] == 24


@pytest.mark.slow
def test_what_is_complete_is_not_trained_again(cache, undisturbed, tmp_path):
    folder = Path(shutil.copytree(undisturbed, tmp_path / "recipe"))
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.ckpt")}
    for arguments in ([f"resume={folder}"], [*RECIPE, f"run_folder={folder}"]):
        code, output = run("train.py", *arguments, cache=cache)
        assert code == 0, output
        assert all(f"stage {number} of 3" in output for number in (1, 2, 3))
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.ckpt")} == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "number"),
    [
        ("resume", 0),
        *(pytest.param("same command", each, marks=pytest.mark.long) for each in range(4)),
        *(pytest.param("resume", each, marks=pytest.mark.long) for each in range(1, 4)),
    ],
)
def test_kills_at_random_instants_change_nothing(cache, undisturbed, tmp_path, way, number):
    """A kill at a random instant of each stage, and some between a stage and the next."""
    kill_in_each_stage(RECIPE, tmp_path / "recipe", NAMES, cache, way)
    assert_same_recipe(tmp_path / "recipe", undisturbed)


@pytest.mark.slow
def test_units_of_speech_are_learned_in_stages_and_survive_kills(cache, tmp_path):
    code, output = run("train.py", *UNITS, f"run_folder={tmp_path / 'whole'}", cache=cache)
    assert code == 0, output
    kill_in_each_stage(UNITS, tmp_path / "killed", UNIT_STAGES, cache, "same command")
    assert_same_recipe(tmp_path / "killed", tmp_path / "whole", UNIT_STAGES)
    student, decoder = runs(tmp_path / "whole", UNIT_STAGES)[1:]
    encoders = [
        {key: value for key, value in weights(each).items() if key.startswith("encoder.")}
        for each in (student, decoder)
    ]
    assert_same(*encoders)
    assert len(wavenet_ae.load(decoder.best_checkpoint).bottleneck.codebook) == 16


def kill_in_each_stage(
    recipe: Sequence[str], folder: Path, names: Sequence[str], cache: Path, way: str
) -> None:
    """Trains a recipe to its end, with a kill in each of its stages."""
    same = [*recipe, f"run_folder={folder}"]
    rng = random.Random(time.time_ns())  # the instants differ from run to run: all must do
    arguments = same
    for stage in runs(folder, names):
        process = start("train.py", *arguments, cache=cache)
        while process.poll() is None and not stage.metrics.is_file():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        arguments = same if way == "same command" else [f"resume={folder}"]
    code, output = run("train.py", *arguments, cache=cache)
    assert code == 0, output


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_kill_before_a_stage_is_recorded_as_complete_changes_nothing(
    cache, undisturbed, tmp_path, which
):
    """As if the process had been killed behind the last checkpoint of a stage."""
    folder = Path(shutil.copytree(undisturbed, tmp_path / "recipe"))
    runs(folder)[which].completed.unlink()
    for later in runs(folder)[which + 1 :]:
        shutil.rmtree(later.path)
    code, output = run("train.py", f"resume={folder}", cache=cache)
    assert code == 0, output
    assert_same_recipe(folder, undisturbed)


@pytest.mark.slow
def test_ctrl_c_saves_and_the_same_command_continues_in_the_stage(cache, undisturbed, tmp_path):
    folder = tmp_path / "recipe"
    arguments = [*RECIPE, f"run_folder={folder}"]
    process = start("train.py", *arguments, cache=cache)
    while process.poll() is None and not runs(folder)[1].metrics.is_file():
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "saved" in output and not runs(folder)[1].completed.exists()
    code, output = run("train.py", *arguments, cache=cache)
    assert code == 0 and "stage 1 of 3, teach is complete" in output, output
    assert_same_recipe(folder, undisturbed)


@pytest.mark.slow
def test_a_recipe_that_is_moved_continues(cache, undisturbed, tmp_path):
    folder = Path(shutil.copytree(undisturbed, tmp_path / "moved"))
    speak = runs(folder)[2]
    speak.completed.unlink()
    for file in (speak.step_checkpoints()[-1], speak.best_checkpoint):
        file.unlink()
    code, output = run("train.py", f"resume={folder}", cache=cache)
    assert code == 0 and "resumed at step" in output, output
    assert_same(last_state(speak.path), last_state(runs(undisturbed)[2].path))


@pytest.mark.slow
def test_the_last_stage_may_be_prolonged_and_an_earlier_one_may_not(cache, undisturbed, tmp_path):
    folder = Path(shutil.copytree(undisturbed, tmp_path / "recipe"))
    longer = "stages.speak.trainer.max_steps=30"
    code, output = run("train.py", f"resume={folder}", longer, cache=cache)
    assert code == 0, output
    assert last_state(runs(folder)[2].path)["global_step"] == 30
    for change, text in {
        "stages.name.trainer.max_steps=30": "stage speak has started from it already",
        "stages.name.optimizer.learning_rate=1": "optimizer.learning_rate cannot be changed",
        "stages.nmae.trainer.max_steps=30": "there is no stage 'nmae'. Did you mean 'name'?",
    }.items():
        code, output = run("train.py", f"resume={folder}", change, cache=cache)
        assert code == 1 and text in output and "Traceback" not in output, output


@pytest.mark.slow
def test_a_folder_of_another_recipe_is_refused(cache, undisturbed, tmp_path):
    folder = Path(shutil.copytree(undisturbed, tmp_path / "recipe"))
    change = "stages.speak.decoder.skip=9"
    code, output = run("train.py", *RECIPE, change, f"run_folder={folder}", cache=cache)
    assert code == 1 and "stages.speak.decoder.skip: 8 then, 9 now" in output, output


@pytest.mark.slow
def test_a_mistake_in_the_last_stage_starts_nothing(cache, tmp_path):
    folder = tmp_path / "recipe"
    wrong = "stages.speak.optimizer.frozen=[codes]"
    code, output = run("train.py", *RECIPE, wrong, f"run_folder={folder}", cache=cache)
    assert code == 1 and "stage speak: optimizer.frozen has 'codes'" in output, output
    assert not folder.exists()


@pytest.mark.long
@pytest.mark.slow
def test_recipes_in_a_sweep_are_compared_by_their_last_stages(cache, undisturbed, tmp_path):
    sweep = tmp_path / "sweep"
    varied = ["seed=1,2", "stages.speak.decoder.skip=8,9"]
    code, output = run("train.py", "-m", *RECIPE, *varied, f"hydra.sweep.dir={sweep}", cache=cache)
    assert code == 0, output
    assert_same_recipe(sweep / "0", undisturbed)
    result = read_result(sweep / "1", "1")
    assert result.is_finished and result.config["decoder"]["skip"] == 9
    assert "decoder.skip" in (sweep / "sweep.csv").read_text()
    runs_of = f"runs=[{undisturbed},{sweep}]"
    code, output = run("compare.py", runs_of, f"out={tmp_path / 'compared'}", cache=cache)
    assert code == 0, output


@pytest.mark.slow
def test_a_recipe_stands_for_its_last_stage_in_dashboards_and_checkpoints(
    cache, undisturbed, tmp_path
):
    out = tmp_path / "plots"
    code, output = run("dashboard.py", f"runs={undisturbed}", f"out={out}", cache=cache)
    assert code == 0 and any(out.iterdir()), output
    evaluated = tmp_path / "evaluated"
    arguments = [f"checkpoint={undisturbed}", f"out={evaluated}", "metrics=[bitrate]"]
    code, output = run("evaluate.py", *arguments, cache=cache)
    assert code == 0, output
    last = str(runs(undisturbed)[2].best_checkpoint)
    assert EvaluationResult.load(evaluated).model["checkpoint"] == last


@pytest.mark.slow
def test_a_stage_is_a_run_that_can_be_resumed_alone(cache, undisturbed, tmp_path):
    folder = Path(shutil.copytree(undisturbed, tmp_path / "recipe"))
    speak = runs(folder)[2]
    code, output = run("train.py", f"resume={speak.path}", "trainer.max_steps=28", cache=cache)
    assert code == 0, output
    assert last_state(speak.path)["global_step"] == 28
