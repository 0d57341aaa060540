"""The page of an evaluation, as a user gets it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.commands import run
from helpers.configs import TINY
from helpers.runs import trained

from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
QUICK = ["num_utterances=1", "max_seconds=0.2", "metrics=[likelihood,bitrate,reconstruction]"]


@pytest.fixture(scope="module")
def checkpoints(quantized, cache, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("compared")
    shutil.copytree(quantized, folder / "one")
    of_two = ["seed=2", "bottleneck=fsq", "bottleneck.levels=[4,3]"]
    trained(folder / "two", cache, *TINY, *of_two)
    return [RunFolder(folder / name).best_checkpoint for name in ("one", "two")]


def test_the_page_of_one_lies_beside_its_figures(checkpoints, cache, tmp_path):
    arguments = [f"checkpoint={checkpoints[0]}", f"out={tmp_path}", *QUICK]
    code, output = run("evaluate.py", *arguments, cache=cache)
    assert code == 0, output
    assert f"written: {tmp_path / 'report.html'}" in output
    text = (tmp_path / "report.html").read_text()
    assert "Evaluation of one" in text and "config seed" in text
    assert text.count("<audio") == len(list((tmp_path / "reconstruction").iterdir())) > 0
    assert "Learning curves" in text


def test_several_on_one_page_and_the_page_anew(checkpoints, cache, tmp_path):
    listed = ",".join(map(str, checkpoints))
    arguments = [f"checkpoints=[{listed}]", f"out={tmp_path}", *QUICK]
    code, output = run("evaluate.py", *arguments, cache=cache)
    assert code == 0, output
    page = tmp_path / "report.html"
    text = page.read_text()
    assert all((tmp_path / name / "evaluation.json").is_file() for name in ("one", "two"))
    assert "Evaluation of 2 models" in text and "Model comparison" in text
    page.unlink()
    code, output = run("evaluate.py", f"report={tmp_path}", cache=cache)
    assert code == 0, output
    assert page.read_text() == text and "likelihood:" not in output


def test_one_of_checkpoint_and_checkpoints(checkpoints, cache):
    arguments = [f"checkpoint={checkpoints[0]}", f"checkpoints=[{checkpoints[1]}]"]
    code, output = run("evaluate.py", *arguments, cache=cache)
    assert code == 1 and "checkpoint and checkpoints are set: only one" in output
