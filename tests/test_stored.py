"""Run folders from other people: nothing in them runs code, and nothing leads a run outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.configs import small

from wavenet_ae.checkpoint import SECTION, write_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.dataset import open_dataset
from wavenet_ae.loading import load
from wavenet_ae.models import build
from wavenet_ae.resume import resumed
from wavenet_ae.runs import RunFolder
from wavenet_ae.stored import read_config, require_no_way_out
from wavenet_ae.training.logging.files import log_to

COMPILE = "wavenet_ae.engines.native.compiler._compile"  # calls the program that it is given


def data(**changes: Any) -> dict[str, Any]:
    return {
        "_target_": "wavenet_ae.data.module.SpeechData",
        "source": {"_target_": "wavenet_ae.data.toy.source.ToySource", "root": "toy"},
        "splits": {"_target_": "wavenet_ae.data.splits.Splits"},
        "cache_dir": "packed",
        **changes,
    }


def run_folder(folder: Path, **changes: Any) -> RunFolder:
    """A run folder with a configuration and an empty file for a checkpoint."""
    run = RunFolder(folder / "run")
    run.checkpoints.mkdir(parents=True)
    run.best_checkpoint.touch()
    config = {"seed": 1, "sample_rate": 8000, "data": data(), **changes}
    run.config.write_text(yaml.safe_dump(config))
    return run


def attack(folder: Path) -> dict[str, Any]:
    """A node that leaves the file `ran` in a folder, if it is built."""
    command = ["sh", "-c", f"touch {folder / 'ran'}"]
    library = {"_target_": "pathlib.Path"}
    return {"_target_": COMPILE, "command": command, "library": library}


@pytest.mark.parametrize(
    "place",
    [
        "data.cache_dir",
        "data.source",
        "data.source.root",
        "data.splits",
        "data.splits.seed",
        "data.batch_size",
        "data",
    ],
)
def test_evaluating_a_checkpoint_builds_nothing_but_what_the_data_of_its_run_take(tmp_path, place):
    config: dict[str, Any] = {"data": data()}
    *above, last = place.split(".")
    node = config
    for key in above:
        node = node[key]
    node[last] = attack(tmp_path)
    run = run_folder(tmp_path, **config)
    model = build(small(), ["a"])
    with pytest.raises(UserError, match=rf"{run.config}: {place}\S* is .*(_compile|set)"):
        open_dataset(model, EvaluationConfig(checkpoint=str(run.best_checkpoint)))
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "content",
    [
        "a: [",
        "- a",
        "seed: 1",
        "seed: x\ndata: 1",
        "when: 2001-99-99",
        "a: !!python/name:os.system",
    ],
)
def test_a_configuration_that_no_run_wrote_is_an_error_that_names_it(tmp_path, content):
    run = run_folder(tmp_path)
    run.config.write_text(content)
    model = build(small(), ["a"])
    with pytest.raises(UserError, match=str(run.config)):
        open_dataset(model, EvaluationConfig(checkpoint=str(run.best_checkpoint)))


@pytest.mark.parametrize(
    ("group", "node"),
    [
        ("encoder", {"_target_": "wavenet_ae.data.toy.source.ToySource", "root": "x"}),
        ("encoder", {"_target_": "wavenet_ae.decoders.WaveNet"}),
        ("decoder", {"_target_": COMPILE}),
        ("bottleneck", {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint"}),
        ("target", {"_target_": "wavenet_ae.targets.MuLaw", "levels": {"_target_": COMPILE}}),
        ("decoder", None),
        ("sample_rate", "8000"),
    ],
)
def test_a_checkpoint_is_made_of_parts_in_their_places_alone(tmp_path, group, node):
    file = tmp_path / "made.ckpt"
    config = {**small(), group: node}
    section = {"format": 2, "config": config, "speakers": ["a"]}
    write_checkpoint({SECTION: section, "state_dict": {}}, file)
    with pytest.raises(UserError, match=rf"{file} holds no model: {group}\S* is"):
        load(file)


def test_a_checkpoint_without_a_model_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "made.ckpt"
    write_checkpoint({SECTION: {"format": 2, "config": [], "speakers": ["a"]}}, file)
    with pytest.raises(UserError, match=f"{file} is damaged: config is"):
        load(file)


@pytest.mark.parametrize("value", ["${oc.env:HOME}", ["x ${oc.env:HOME}"], {"a": "${seed}"}])
def test_a_resume_resolves_nothing_that_the_run_folder_holds(tmp_path, value):
    run = run_folder(tmp_path, name=value)
    with pytest.raises(UserError, match=f"{run.config} has an interpolation in name"):
        resumed([f"resume={run.path}"])


WRITER = "pytorch_lightning.loggers.CSVLogger"


def test_a_resume_takes_what_writes_anywhere_from_the_command_line_alone(tmp_path):
    logger = {"mine": {"_target_": WRITER, "save_dir": "/etc"}}
    run = run_folder(tmp_path, logger=logger)
    with pytest.raises(UserError, match=rf"{run.config} names {WRITER} in logger\.mine"):
        resumed([f"resume={run.path}"])
    again = f"logger.mine={{_target_: {WRITER}, save_dir: mine}}"
    assert resumed([f"resume={run.path}", again])["logger"]["mine"]["save_dir"] == "mine"
    assert resumed([f"resume={run.path}", "logger.mine=null"])["logger"] == {"mine": None}


def test_a_resume_takes_what_writes_nowhere_from_the_run_folder(tmp_path):
    average = {"_target_": "pytorch_lightning.callbacks.EMAWeightAveraging", "decay": 0.9}
    run = run_folder(tmp_path, callbacks={"weight_averaging": average})
    assert resumed([f"resume={run.path}"])["callbacks"]["weight_averaging"] == average


def files_of(run: RunFolder) -> list[Path]:
    return [run.log, run.metrics, run.checkpoints / "step-00000005.ckpt", run.step_samples(5)]


@pytest.mark.parametrize("number", range(4))
def test_a_run_is_not_led_outside_its_folder_by_a_link(tmp_path, number):
    run = run_folder(tmp_path)
    link = files_of(run)[number]
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "profile")
    with pytest.raises(UserError, match=rf"{link} is a link that leads outside the run folder"):
        log_to(str(run.path))
    assert not (tmp_path / "profile").exists()


def test_links_inside_a_run_folder_and_to_all_of_it_are_followed(tmp_path):
    run = run_folder(tmp_path)
    (run.path / "latest").symlink_to("checkpoints")
    (tmp_path / "linked").symlink_to(run.path)
    require_no_way_out(run.path)
    require_no_way_out(tmp_path / "linked")
    require_no_way_out(tmp_path / "none")
    (run.path / "wandb" / "logs").mkdir(parents=True)
    (run.path / "wandb" / "logs" / "debug.log").symlink_to(tmp_path)  # as W&B makes it
    require_no_way_out(run.path)
    (run.path / "logs").symlink_to(tmp_path)
    with pytest.raises(UserError, match="leads outside the run folder"):
        require_no_way_out(run.path)


@pytest.mark.parametrize("name", ["train.log", "metrics.csv", "checkpoints/step-00000001.ckpt"])
def test_a_pipe_in_a_run_folder_is_refused_before_a_run_waits_for_it(tmp_path, name):
    run = run_folder(tmp_path)
    os.mkfifo(run.path / name)
    with pytest.raises(UserError, match=f"{run.path / name} is a pipe.*remove it"):
        log_to(str(run.path))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("seed: 2026-01-31", "seed is datetime.date"),
        ("seed: 2026-01-31 12:00:00", "seed is datetime.datetime"),
        ("data: {source: {root: !!set {a, b}}}", "data.source.root is "),
        ("data: {parts: [1, !!binary aGVsbG8=]}", r"data\.parts\[1\] is b'hello'"),
        ("seed: 1" + ":59" * 4000, "seed is a number of thousands of digits"),
    ],
)
def test_values_that_yaml_knows_and_a_configuration_does_not_are_named(tmp_path, text, place):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=f"{file}: {place}"):
        read_config(file)


def test_what_yaml_itself_would_build_is_refused(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(f"a: !!python/object/apply:os.system ['touch {tmp_path}/ran']")
    with pytest.raises(UserError, match=f"{file} cannot be read"):
        read_config(file)
    assert not (tmp_path / "ran").exists()
