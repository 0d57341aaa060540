"""What names a model: files, runs, folders to share, and trained models of the package."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.runs import a_run
from helpers.small_models import checkpoint, made, noise, recordings

import wavenet_ae
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import check_command
from wavenet_ae.loading import load, load_with_fingerprint
from wavenet_ae.model_paths import SHIPPED, WEIGHTS, checkpoint_in, name_of, shipped_models
from wavenet_ae.paths import keep_absolute
from wavenet_ae.runs import RunFolder, link_latest

NAME = "speech-units-8k"


def test_a_run_stands_for_its_best_checkpoint_and_otherwise_for_its_newest(tmp_path):
    best, begun = a_run(tmp_path / "a", 10), a_run(tmp_path / "b", 10, 200, has_best=False)
    assert checkpoint_in(best.path) == best.best_checkpoint
    assert checkpoint_in(str(best.step_checkpoint(10))) == best.step_checkpoint(10)
    assert checkpoint_in(begun.path) == begun.step_checkpoint(200)
    assert checkpoint_in(tmp_path) == tmp_path, "a folder of runs stands for none of them"
    assert checkpoint_in(tmp_path / "none") == tmp_path / "none"


def test_a_recipe_stands_for_its_last_stage(tmp_path):
    last = a_run(tmp_path / "2-decoder")
    a_run(tmp_path / "1-student")
    RunFolder(tmp_path).recipe.touch()
    assert checkpoint_in(tmp_path) == last.best_checkpoint


def test_latest_stands_for_the_checkpoint_of_the_last_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = a_run(tmp_path / "outputs" / "first")
    link_latest(run.path)
    assert checkpoint_in("latest") == run.best_checkpoint


def test_a_folder_to_share_stands_for_its_weights(tmp_path):
    (tmp_path / WEIGHTS).touch()
    assert checkpoint_in(tmp_path) == checkpoint_in(tmp_path / WEIGHTS) == tmp_path / WEIGHTS
    run = a_run(tmp_path)
    assert checkpoint_in(tmp_path) == run.best_checkpoint, "a run's checkpoint comes first"


def test_a_name_stands_for_a_model_of_the_package_unless_something_has_this_name(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert checkpoint_in(NAME) == SHIPPED / NAME / WEIGHTS
    run = a_run(tmp_path / NAME)
    assert checkpoint_in(NAME).absolute() == run.best_checkpoint


def test_a_model_is_called_after_its_file_or_folder(tmp_path):
    assert name_of(tmp_path / "voice.ckpt") == "voice"
    assert name_of(checkpoint_in(NAME)) == NAME
    cached = tmp_path / "models--ann--my-units" / "snapshots" / "0123abcd" / WEIGHTS
    assert name_of(cached) == "my-units"


@pytest.mark.parametrize("given", ["speech-unit-8k", "/nowhere/at/all"])
def test_a_missing_model_lists_those_that_have_names(given):
    near = given.startswith("speech")
    hint = r"Did you mean 'speech-units-8k'\?" if near else "by name: speech-units-8k, toy"
    for read in (load, lambda path: check_command({"checkpoint": path})):
        with pytest.raises(UserError, match=hint):
            read(given)
    with pytest.raises(UserError, match=hint):
        made(checkpoint=given, input=__file__, task="encode")


def test_a_run_keeps_the_place_of_a_model_that_it_starts_from(tmp_path):
    config = {"init_from": NAME, "encoder": {"checkpoint": "toy"}}
    keep_absolute(config)
    assert config["init_from"] == str(SHIPPED / NAME / WEIGHTS)
    assert load(config["encoder"]["checkpoint"]).sample_rate == 8000


def test_every_way_to_name_a_model_gives_the_same_one(tmp_path, monkeypatch):
    file = checkpoint(tmp_path)
    model, expected = load_with_fingerprint(file)
    folder = wavenet_ae.save_pretrained(model, tmp_path / "mine")
    for given in (folder, folder / WEIGHTS, str(folder), file):
        assert load_with_fingerprint(given)[1] == expected
    monkeypatch.chdir(tmp_path)
    recordings(tmp_path / "in", {"ann/a.wav": 4000})
    made(checkpoint="mine", input=tmp_path / "in", task="encode")
    codes = np.load(tmp_path / "outputs" / "generated" / "mine" / "encode" / "ann" / "a.npy")
    assert codes.tolist() == model.encode(noise(4000), 8000).tolist()


def test_the_trained_models_are_listed():
    assert shipped_models() == [NAME, "toy"]
