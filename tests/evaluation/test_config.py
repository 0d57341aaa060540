"""What evaluate.py is asked for, checked before anything slow."""

from __future__ import annotations

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import PARTS, check_settings


@pytest.fixture
def checkpoint(tmp_path):
    file = tmp_path / "run" / "checkpoints" / "best.ckpt"
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "run" / "config.yaml").write_text("data: {}\n")
    return file


def test_all_parts_in_their_order_unless_some_are_named(checkpoint):
    assert check_settings({"checkpoint": str(checkpoint)}).wanted == PARTS
    some = check_settings({"checkpoint": str(checkpoint), "parts": ["sounds", "likelihood"]})
    assert some.wanted == ("likelihood", "sounds")
    one = check_settings({"checkpoint": str(checkpoint), "parts": "units"})
    assert one.wanted == ("units",)


def test_results_are_named_after_the_run(checkpoint):
    settings = check_settings({"checkpoint": str(checkpoint)})
    assert settings.run_folder == checkpoint.parents[1]
    assert settings.destination.parts == ("outputs", "evaluated", "run")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "checkpoint is not set: give checkpoint="),
        ({"parts": ["likelyhood"]}, "parts has 'likelyhood'.*Did you mean 'likelihood'"),
        ({"parts": "unit"}, "parts has 'unit'.*Did you mean 'units'"),
        ({"split": "dev"}, "split is 'dev', but must be"),
        ({"sounds": 0}, "sounds is 0, but must be"),
        ({"suffix": ".lab"}, "suffix is '.lab', but must be"),
        ({"probe_seeds": 0}, "probe_seeds is 0"),
    ],
)
def test_mistakes_are_named(given, said, checkpoint):
    if given:
        given = {"checkpoint": str(checkpoint), **given}
    with pytest.raises(UserError, match=said):
        check_settings(given)


def test_a_folder_is_no_checkpoint_and_a_lone_one_needs_data(checkpoint, tmp_path):
    with pytest.raises(UserError, match=r"a folder, but must be a file: give checkpoint=.*best"):
        check_settings({"checkpoint": str(tmp_path / "run")})
    alone = tmp_path / "alone.ckpt"
    alone.touch()
    with pytest.raises(UserError, match=r"data is not set.*data=folder data.root="):
        check_settings({"checkpoint": str(alone)})
    with pytest.raises(UserError, match="data is not set"):
        check_settings({"checkpoint": str(alone), "data": {"root": "of no run"}})
    other = {"_target_": "wavenet_ae.data.module.SpeechData"}
    assert check_settings({"checkpoint": str(alone), "data": other}).destination.name == "alone"
