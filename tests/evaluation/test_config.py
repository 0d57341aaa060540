"""The configuration of an evaluation, checked before anything slow."""

from __future__ import annotations

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import check_config
from wavenet_ae.evaluation.part import find_parts
from wavenet_ae.evaluation.parts import part_ids


@pytest.fixture
def checkpoint(tmp_path):
    file = tmp_path / "run" / "checkpoints" / "best.ckpt"
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "run" / "config.yaml").write_text("data: {}\n")
    return file


def test_all_parts_in_their_order_unless_some_are_named(checkpoint):
    every = find_parts(check_config({"checkpoint": str(checkpoint)}).metrics)
    assert {each.id for each in every} == set(part_ids())
    two = ["reconstruction", "likelihood"]
    some = find_parts(check_config({"checkpoint": str(checkpoint), "metrics": two}).metrics)
    assert [each.id for each in some] == ["likelihood", "reconstruction"]
    one = check_config({"checkpoint": str(checkpoint), "metrics": "units"})
    assert [each.id for each in find_parts(one.metrics)] == ["units"]


def test_results_are_named_after_the_run(checkpoint):
    config = check_config({"checkpoint": str(checkpoint)})
    assert config.run_folder == checkpoint.parents[1]
    assert config.destination.parts == ("outputs", "evaluated", "run")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "checkpoint is not set: set checkpoint="),
        ({"metrics": ["likelyhood"]}, "metrics has 'likelyhood'.*Did you mean 'likelihood'"),
        ({"metrics": "unit"}, "metrics has 'unit'.*Did you mean 'units'"),
        ({"split": "dev"}, "split is 'dev', but must be"),
        ({"num_utterances": 0}, "num_utterances is 0, but must be"),
        ({"suffix": ".lab"}, "suffix is '.lab', but must be"),
        ({"probe_seeds": 0}, "probe_seeds is 0"),
    ],
)
def test_mistakes_are_named(given, message, checkpoint):
    if given:
        given = {"checkpoint": str(checkpoint), **given}
    with pytest.raises(UserError, match=message):
        check_config(given)


def test_folders_and_checkpoints_without_data_are_refused(checkpoint, tmp_path):
    with pytest.raises(UserError, match=r"a folder, but must be a file: set checkpoint=.*best"):
        check_config({"checkpoint": str(tmp_path)})
    assert check_config({"checkpoint": str(tmp_path / "run")}).file == checkpoint
    with pytest.raises(UserError, match=r"gone', but there is no such file or run folder"):
        check_config({"checkpoint": str(tmp_path / "gone")})
    alone = tmp_path / "alone.ckpt"
    alone.touch()
    with pytest.raises(UserError, match=r"data is not set.*data=folder data.root="):
        check_config({"checkpoint": str(alone)})
    with pytest.raises(UserError, match="data is not set"):
        check_config({"checkpoint": str(alone), "data": {"root": "of no run"}})
    other = {"_target_": "wavenet_ae.data.module.SpeechData"}
    assert check_config({"checkpoint": str(alone), "data": other}).destination.name == "alone"
