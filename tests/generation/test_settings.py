"""Settings that `wavenet-ae generate` accepts, and errors for the others."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import get_args, get_type_hints

import pytest
import yaml
from helpers.commands import ROOT

from wavenet_ae.cli import generate
from wavenet_ae.engines import ENGINES, NATIVE_ENGINES
from wavenet_ae.errors import UserError
from wavenet_ae.generation.settings import GenerationSettings, check_settings
from wavenet_ae.runs import RunFolder


def test_the_defaults_are_those_of_the_configuration():
    config = yaml.safe_load((ROOT / "conf" / "generate.yaml").read_text())
    del config["defaults"], config["hydra"]
    assert config == asdict(GenerationSettings())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"checkpoint": None}, r"checkpoint is not set, but task=reconstruct needs it: set"),
        ({"input": None}, r"input is not set.*a recording, a folder of them, or a table"),
        ({"input": "/no/such"}, r"input is '/no/such', but there is no such file or folder"),
        ({"input": [__file__, "/no/such"]}, r"input is '/no/such', but there is no such file"),
        ({"task": "convert"}, r"speaker is not set, but task=convert needs it"),
        ({"task": "decode", "input": None}, r"codes is not set, but task=decode needs it"),
        ({"task": "speak"}, r"task is 'speak', but must be one of reconstruct, convert"),
        (
            {"task": "encode", "seed": 3},
            r"seed is read by task=.*remove it, or choose another",
        ),
        ({"speaker": "ann"}, r"speaker is read by task=convert, decode, sample only"),
        ({"top_p": 0}, r"top_p is 0, but must be a number above 0 and of at most 1"),
        ({"batch_size": 0}, r"batch_size is 0, but must be a whole number of at least 1"),
        ({"tempo": 2}, r"tempo is not known"),
        ({"input": "x" * 300}, r"input is 'x+', but there is no such file or folder"),
        ({"out": "a\0b"}, r"out is 'a\\x00b', but no file's name has a NUL character: remove it"),
        ({"checkpoint": "{tmp}"}, r"checkpoint is '.*', a folder, but must be a file: it holds no"),
        ({"out": "{tmp}/a.wav"}, r"out is '.*a.wav', a file, but must be a folder"),
        ({"input": "{tmp}", "out": "{tmp}/out"}, r"out=.* lies in input=.*choose another"),
        ({"top_k": -1, "max_utterances": 0}, r"2 settings cannot be used:\n  - "),
    ],
)
def test_a_wrong_setting_is_named(changes, expected, tmp_path):
    (tmp_path / "a.wav").touch()
    right = {"checkpoint": "x.ckpt", "input": "{tmp}/a.wav"}
    given = {
        key: value.replace("{tmp}", str(tmp_path)) if isinstance(value, str) else value
        for key, value in {**right, **changes}.items()
    }
    with pytest.raises(UserError, match=expected):
        check_settings(given)


def test_a_number_may_be_a_name_and_results_lie_by_run(tmp_path):
    (tmp_path / "a.wav").touch()
    given = {"input": f"{tmp_path}/a.wav", "task": "convert", "speaker": 1688}
    settings = check_settings({"checkpoint": "outputs/toy/R/checkpoints/best.ckpt", **given})
    assert settings.speaker == "1688"
    assert settings.destination.as_posix() == "outputs/generated/R/convert"
    settings = check_settings({"checkpoint": "some/model.ckpt", **given, "out": 7})
    assert settings.destination.as_posix() == "7"
    assert (
        GenerationSettings(checkpoint="model.ckpt")
        .destination.as_posix()
        .endswith("model/reconstruct")
    )


def test_a_run_folder_means_its_best_checkpoint_and_a_folder_of_runs_leads_to_one(tmp_path):
    best = RunFolder(tmp_path / "run").best_checkpoint
    best.parent.mkdir(parents=True)
    best.touch()
    (tmp_path / "a.wav").touch()
    given = {"input": str(tmp_path / "a.wav"), "out": str(tmp_path / "out")}
    settings = check_settings({"checkpoint": str(tmp_path / "run"), **given})
    assert settings.checkpoint == str(best)
    with pytest.raises(UserError, match=f"a folder, but must be a file: set checkpoint={best}"):
        check_settings({"checkpoint": str(tmp_path), **given})


def test_every_task_engine_and_format_is_in_the_yaml_and_every_task_in_the_help():
    """`reconstruct`, the default, is the command without a task."""
    text = (ROOT / "conf" / "generate.yaml").read_text()
    kinds = get_type_hints(GenerationSettings)
    engines = (*ENGINES, *NATIVE_ENGINES)
    tasks, formats = get_args(kinds["task"]), get_args(kinds["format"])
    assert [each for each in (*tasks, *formats, *engines) if each not in text] == []
    assert {*re.findall(r"task=(\w+)", generate.__doc__ or "")} == {*tasks} - {"reconstruct"}
