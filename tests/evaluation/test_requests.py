"""One evaluation, several, or a page of earlier ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.requests import check_request
from wavenet_ae.runs import RunFolder


def run_folder(folder: Path) -> str:
    """Its checkpoint."""
    file = RunFolder(folder).best_checkpoint
    file.parent.mkdir(parents=True)
    file.touch()
    RunFolder(folder).config.write_text("data: {}\n")
    return str(file)


@pytest.fixture
def two(tmp_path) -> list[str]:
    return [run_folder(tmp_path / "a"), run_folder(tmp_path / "b")]


def judged(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "evaluation.json").touch()
    return folder / "evaluation.json"


def test_one_checkpoint_has_its_page_beside_its_evaluation(two):
    request = check_request({"checkpoint": two[0], "checkpoints": [], "report": [], "out": "x"})
    (settings,) = request.evaluations
    assert settings.checkpoint == two[0] and settings.destination == Path("x")
    assert request.files == [Path("x/evaluation.json")] and request.folder == Path("x")


def test_several_have_folders_of_their_own_and_one_page_above(two):
    request = check_request({"checkpoints": two, "out": "x", "seed": 5})
    assert [each.checkpoint for each in request.evaluations] == two
    assert [each.destination for each in request.evaluations] == [Path("x/a"), Path("x/b")]
    assert [each.seed for each in request.evaluations] == [5, 5]
    assert request.files == [Path("x/a/evaluation.json"), Path("x/b/evaluation.json")]
    assert request.folder == Path("x")


def test_several_without_out_are_named_after_their_runs(two, tmp_path):
    folder = check_request({"checkpoints": two}).folder
    assert folder == Path("outputs/evaluated/a+b")
    more = [*two, run_folder(tmp_path / "c"), run_folder(tmp_path / "d")]
    assert check_request({"checkpoints": more}).folder.name == "a+3_others"


def test_runs_of_one_name_are_told_apart(tmp_path):
    names = ("x/a", "y/a", "z/a-2", "z/a")
    found = check_request({"checkpoints": [run_folder(tmp_path / each) for each in names]})
    folders = [each.destination.name for each in found.evaluations]
    assert folders == ["a", "a-2", "a-2-2", "a-3"]


def test_a_page_of_earlier_evaluations_measures_nothing(tmp_path):
    own, first, second = (judged(tmp_path / each) for each in ("own", "both/a", "both/b"))
    request = check_request({"report": str(own.parent), "parts": [], "data": None, "seed": 1})
    assert (request.evaluations, request.files) == ([], [own]) and request.folder == own.parent
    folders = [str(tmp_path / "both"), str(tmp_path / "own")]
    request = check_request({"report": folders, "out": "x"})
    assert request.files == [first, second, own] and request.folder == Path("x")


def test_mistakes_are_named(two, tmp_path):
    judged(tmp_path / "own")
    (tmp_path / "empty").mkdir()
    own, empty = str(tmp_path / "own"), str(tmp_path / "empty")
    for config, said in (
        ({}, "checkpoint is not set: give checkpoint="),
        ({"checkpoint": two[0], "checkpoints": two}, "checkpoint and checkpoints are given: only"),
        ({"checkpoints": two, "report": own}, "checkpoints and report are given: only one"),
        ({"checkpoints": [1]}, "checkpoints is .1., but must be"),
        ({"checkpoints": [two[0], two[0]]}, "names '.*best.ckpt' twice: leave one out"),
        ({"checkpoints": [*two, "gone.ckpt"]}, "has '.*gone.ckpt', but there is no such file"),
        ({"checkpoints": two, "parts": ["unit"]}, "parts has 'unit'.*Did you mean 'units'"),
        ({"report": empty}, r"'.*empty', in which there is no evaluation\.json: give a folder"),
        ({"report": own, "parts": ["units"], "seed": 2}, "measured: leave out parts, seed"),
        ({"report": [own, own]}, "out is not set: say in which folder"),
    ):
        with pytest.raises(UserError, match=said):
            check_request(config)
