"""`resume=<run folder>` takes the run's own configuration and refuses what makes another run."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from helpers.composed import compose

from wavenet_ae.config import check
from wavenet_ae.errors import UserError
from wavenet_ae.resume import resumed
from wavenet_ae.runs import RunFolder


def run_folder(tmp_path: Path) -> Path:
    config = compose()
    RunFolder(tmp_path).config.write_text(yaml.safe_dump(config))
    return tmp_path


def test_a_resume_takes_the_run_s_own_configuration(tmp_path):
    folder = run_folder(tmp_path)
    config = resumed(["trainer.max_steps=9000", f"resume={folder}", "callbacks.checkpoints.keep=5"])
    check(config)
    assert config["run_folder"] == str(folder)
    assert config["trainer"]["max_steps"] == 9000
    assert config["callbacks"]["checkpoints"]["keep"] == 5


@pytest.mark.parametrize("change", ["seed=2", "decoder.gate=8", "bottleneck=vae", "data.limit=3"])
def test_a_resume_refuses_what_would_make_another_run(tmp_path, change):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError, match=rf"{change.split('=')[0]} cannot be changed by a resume"):
        resumed([f"resume={folder}", change])


def test_a_refused_resume_names_every_key_that_was_given_and_how_to_keep_the_weights(tmp_path):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError) as refused:
        resumed([f"resume={folder}", "seed=2", "trainer.max_steps=7", "data.batch_size=4"])
    text = str(refused.value)
    assert text.startswith("seed, data.batch_size cannot be changed by a resume")
    assert f"init_from={folder / 'checkpoints' / 'best.ckpt'}" in text
    with pytest.raises(UserError, match=r"data\.root \(its place in a run is data\.source\.root\)"):
        resumed([f"resume={folder}", "data.root=/elsewhere"])


def test_a_resume_of_what_is_no_run_folder_says_what_it_is(tmp_path):
    run = RunFolder(run_folder(tmp_path))
    run.checkpoints.mkdir()
    for file in (run.config, run.best_checkpoint):
        file.touch()
        with pytest.raises(UserError, match=rf"is a file, not the folder .*resume={tmp_path}$"):
            resumed([f"resume={file}"])
    for folder, text in (
        (run.checkpoints, "there is no config.yaml in it"),
        (tmp_path / "x", "no such folder"),
    ):
        with pytest.raises(UserError, match=text):
            resumed([f"resume={folder}"])


def test_a_resume_finds_a_corpus_that_has_moved(tmp_path):
    config = resumed(["data.source.root=/elsewhere", f"resume={run_folder(tmp_path)}"])
    assert config["data"]["source"]["root"] == "/elsewhere"


@pytest.mark.parametrize("content", ["a: [1", "- a list", "a: \xff"])
def test_a_resume_of_a_damaged_configuration_is_refused(tmp_path, content):
    RunFolder(tmp_path).config.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"config\.yaml (cannot be read|is not a c|is not UTF-8)"):
        resumed([f"resume={tmp_path}"])


def test_a_resume_refuses_a_value_that_is_no_yaml(tmp_path):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError, match=r"trainer\.devices=\[1: the value cannot be read"):
        resumed([f"resume={folder}", "trainer.devices=[1"])


def test_one_run_is_resumed_at_a_time(tmp_path):
    with pytest.raises(UserError, match="one run can be resumed at a time"):
        resumed(["resume=a", "resume=b"])


def test_a_resume_needs_key_and_value(tmp_path):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError, match="not of the form key=value"):
        resumed([f"resume={folder}", "trainer.max_steps"])
