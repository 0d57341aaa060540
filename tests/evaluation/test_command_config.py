"""One evaluation, several, or a page of earlier ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import check_command


def run_folder(folder: Path) -> str:
    """Its checkpoint."""
    file = folder / "checkpoints" / "best.ckpt"
    file.parent.mkdir(parents=True)
    file.touch()
    (folder / "config.yaml").write_text("data: {}\n")
    return str(file)


@pytest.fixture
def two(tmp_path) -> list[str]:
    return [run_folder(tmp_path / "a"), run_folder(tmp_path / "b")]


def evaluated(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "evaluation.json").touch()
    return folder / "evaluation.json"


def test_one_checkpoint_has_its_page_beside_its_evaluation(two):
    command = check_command({"checkpoint": two[0], "checkpoints": [], "report": [], "out": "x"})
    (config,) = command.evaluations
    assert config.checkpoint == two[0] and config.destination == Path("x")
    assert command.files == [Path("x/evaluation.json")] and command.folder == Path("x")


def test_several_have_folders_of_their_own_and_one_page_above(two):
    command = check_command({"checkpoints": two, "out": "x", "seed": 5})
    assert [each.checkpoint for each in command.evaluations] == two
    assert [each.destination for each in command.evaluations] == [Path("x/a"), Path("x/b")]
    assert [each.seed for each in command.evaluations] == [5, 5]
    assert command.files == [Path("x/a/evaluation.json"), Path("x/b/evaluation.json")]
    assert command.folder == Path("x")


def test_several_without_out_are_named_after_their_runs(two, tmp_path):
    folder = check_command({"checkpoints": two}).folder
    assert folder == Path("outputs/evaluated/a+b")
    more = [*two, run_folder(tmp_path / "c"), run_folder(tmp_path / "d")]
    assert check_command({"checkpoints": more}).folder.name == "a+3_others"


def test_runs_of_one_name_get_unique_names(tmp_path):
    names = ("x/a", "y/a", "z/a-2", "z/a")
    found = check_command({"checkpoints": [run_folder(tmp_path / each) for each in names]})
    folders = [each.destination.name for each in found.evaluations]
    assert folders == ["a", "a-2", "a-2-2", "a-3"]


def test_a_page_of_earlier_evaluations_measures_nothing(tmp_path):
    own, first, second = (evaluated(tmp_path / each) for each in ("own", "both/a", "both/b"))
    command = check_command({"report": str(own.parent), "metrics": [], "data": None, "seed": 1})
    assert (command.evaluations, command.files) == ([], [own]) and command.folder == own.parent
    folders = [str(tmp_path / "both"), str(tmp_path / "own")]
    command = check_command({"report": folders, "out": "x"})
    assert command.files == [first, second, own] and command.folder == Path("x")


def test_mistakes_are_named(two, tmp_path):
    evaluated(tmp_path / "own")
    (tmp_path / "empty").mkdir()
    own, empty = str(tmp_path / "own"), str(tmp_path / "empty")
    for config, message in (
        ({}, "checkpoint is not set: set checkpoint="),
        ({"checkpoint": two[0], "checkpoints": two}, "checkpoint and checkpoints are set: only"),
        ({"checkpoints": two, "report": own}, "checkpoints and report are set: only one"),
        ({"checkpoints": [1]}, "checkpoints is .1., but must be"),
        ({"checkpoints": [two[0], two[0]]}, "names '.*best.ckpt' twice: remove one"),
        ({"checkpoints": [*two, "gone.ckpt"]}, "has '.*gone.ckpt', but there is no such file"),
        ({"checkpoints": two, "metrics": ["unit"]}, "metrics has 'unit'.*Did you mean 'units'"),
        ({"report": empty}, r"'.*empty', in which there is no evaluation\.json: set a folder"),
        ({"report": own, "metrics": ["units"], "seed": 2}, "measured: remove metrics, seed"),
        ({"report": [own, own]}, "out is not set: set out=<folder>"),
    ):
        with pytest.raises(UserError, match=message):
            check_command(config)
