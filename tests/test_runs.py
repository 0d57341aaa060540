"""The names of a run's files, and how a run is found from one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.runs import a_run

import wavenet_ae
from wavenet_ae.runs import RunFolder, link_latest, named_run, runs_in, step_of

RUN = RunFolder("outputs/toy/a")


def test_checkpoints_are_sorted_by_their_step(tmp_path):
    run = RunFolder(tmp_path)
    run.checkpoints.mkdir()
    for step in (2000, 30, 100_000_000):
        run.step_checkpoint(step).touch()
    run.best_checkpoint.touch()
    assert [step_of(each) for each in run.step_checkpoints()] == [30, 2000, 100_000_000]


def test_a_run_is_found_from_its_checkpoint():
    found = RunFolder.containing(RUN.best_checkpoint)
    assert found is not None and found.path == RUN.path.absolute()
    assert RunFolder.containing(Path("best.ckpt")) is None


@pytest.mark.parametrize("name", ["config", "failed", "log"])
def test_a_run_has_begun_with_any_of_three_files(name, tmp_path):
    run = RunFolder(tmp_path)
    assert not run.has_begun()
    getattr(run, name).touch()
    assert run.has_begun()


def test_no_other_module_spells_the_name_of_a_file():
    files = [
        getattr(RUN, name) for name, kind in vars(RunFolder).items() if isinstance(kind, property)
    ]
    names = {each.name for each in files if isinstance(each, Path)} - {"samples", "checkpoints"}
    assert {"config.yaml", "metrics.csv", "threads.jsonl", "best.ckpt", "run.lock"} <= names
    package = Path(wavenet_ae.__file__).parent
    found = [
        f"{file.relative_to(package)}: {name}"
        for file in package.rglob("*.py")
        if file.name != "runs.py"
        for name in names
        if f'"{name}"' in file.read_text() or f'/{name}"' in file.read_text()
    ]
    assert not found


def test_runs_in_a_folder_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("10", "2", "b-10", "b-9"):
        (tmp_path / name).mkdir()
        RunFolder(tmp_path / name).config.touch()
    (tmp_path / "1").mkdir()
    assert [each.name for each in runs_in(tmp_path)] == ["b-9", "b-10", "2", "10"]


def test_latest_is_the_run_that_was_linked_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert named_run("latest") == tmp_path / "outputs" / "latest", "for the error that names it"
    for name in ("toy/a", "first"):
        run = a_run(tmp_path / "outputs" / name)
        link_latest(run.path)
        assert named_run("latest") == run.path
    link_latest(a_run(tmp_path / "elsewhere").path)
    assert named_run("latest") == run.path, "a run outside of outputs/ is not linked"
    assert [each.name for each in runs_in(tmp_path / "outputs")] == ["first"]
    assert not [each for each in (tmp_path / "outputs").iterdir() if each.name.startswith(".")]
    (tmp_path / "latest").mkdir()
    assert named_run("latest") == Path("latest"), "what has the name is meant"


@pytest.mark.parametrize("why", ["taken", "no links"])
def test_where_no_link_can_be_made_the_run_goes_on(why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = a_run(tmp_path / "outputs" / "toy" / "a")
    if why == "taken":
        (tmp_path / "outputs" / "latest").mkdir()

    def refuse(*arguments, **options):
        raise OSError("no links")

    if why == "no links":
        monkeypatch.setattr(Path, "symlink_to", refuse)
    link_latest(run.path)
    assert not (tmp_path / "outputs" / "latest").is_symlink()
