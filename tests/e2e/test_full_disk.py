"""A disk that is full: each command names the file and what to do, and no half file is left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.commands import environment, script_of
from helpers.configs import TINY
from helpers.full_disk import can_mount, on_small_disk
from helpers.small_models import checkpoint
from helpers.summary_runs import comparison

from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")


def refused(folder: Path, kib: int, script: str, *arguments: str, cache: Path) -> str:
    """Returns the error with which a command ends whose folder has so many KiB."""
    folder.mkdir()
    command = [sys.executable, str(script_of(script)), *arguments]
    done = on_small_disk(folder, kib, command, env=environment(cache), cwd=folder.parent)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    error = done.stderr.rpartition("error: ")[2]
    assert error.startswith(f"{folder}/") and "cannot be written: " in error
    return error


@pytest.mark.slow
def test_training_can_be_resumed_when_there_is_space_again(cache, tmp_path):
    folder = tmp_path / "run"
    given = [*TINY, "bottleneck=ae", f"hydra.run.dir={folder}"]
    error = refused(folder, 200, "train.py", *given, cache=cache)
    assert RunFolder(folder).checkpoints.name in error and f"resume={folder}" in error


@pytest.mark.slow
def test_generation_is_continued_by_the_same_command(cache, tmp_path):
    model = checkpoint(tmp_path, "wavenet")
    given = [f"checkpoint={model}", "task=sample", "seconds=3", f"out={tmp_path}/out"]
    error = refused(tmp_path / "out", 16, "generate.py", *given, cache=cache)
    assert "run the same command again" in error and "resume" not in error


@pytest.mark.slow
def test_codes_that_do_not_fit_name_their_file_and_the_disk(cache, tmp_path, quantized):
    model = RunFolder(quantized).best_checkpoint
    recordings = next((cache / "toy").glob("*/"))
    given = [f"checkpoint={model}", "task=encode", f"input={recordings}", f"out={tmp_path}/out"]
    error = refused(tmp_path / "out", 16, "generate.py", *given, cache=cache)
    assert f"No space left on device on the disk at {tmp_path}/out" in error


@pytest.mark.slow
def test_a_report_that_does_not_fit_names_its_file_and_the_disk(cache, tmp_path, quantized):
    model = RunFolder(quantized).best_checkpoint
    given = [f"checkpoint={model}", "metrics=[bitrate]", f"out={tmp_path}/out"]
    error = refused(tmp_path / "out", 24, "evaluate.py", *given, cache=cache)
    assert "report.html" in error and f"on the disk at {tmp_path}/out" in error


@pytest.mark.slow
def test_a_comparison_is_made_by_the_same_command(cache, tmp_path):
    (tmp_path / "sweep").mkdir()
    comparison(tmp_path / "sweep")
    given = [f"runs={tmp_path}/sweep", f"out={tmp_path}/out"]
    error = refused(tmp_path / "out", 16, "compare.py", *given, cache=cache)
    assert "run the same command again" in error and "resume" not in error
