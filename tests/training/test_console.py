"""What a training prints: three lines on the model, its progress, its end, and what comes next."""

from __future__ import annotations

import io
import logging
import re
import sys

import pytest
from helpers.configs import TINY_CODES
from rich.console import Console

from wavenet_ae import progress as bars
from wavenet_ae.file_names import shown_path
from wavenet_ae.progress import Bar, fitting
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.callbacks.ending import argument
from wavenet_ae.training.callbacks.progress import Pace
from wavenet_ae.training.logging.files import ConsoleHandler
from wavenet_ae.training.run import train


@pytest.fixture(autouse=True)
def shown(caplog):
    caplog.set_level(logging.INFO)


def printed(caplog, module: str) -> list[str]:
    """What a module of training has logged."""
    name = f"wavenet_ae.training.{module}"
    return [each.getMessage() for each in caplog.records if each.name == name]


def test_a_run_prints_its_model_in_three_lines_and_keeps_its_layers(config, caplog):
    settings = config(*TINY_CODES, "validate_every_n_steps=4", "trainer.max_steps=8")
    train(settings)
    codes, fields, parameters, folder = printed(caplog, "run")
    assert re.fullmatch(r"codes: 50 codes/s, 8 of them: 150 bit/s nominal", codes)
    assert "lookahead of a code" in fields and "receptive field of the decoder" in fields
    assert re.match(r"parameters: [\d,]+: ", parameters)
    assert folder.startswith("run folder: ")
    table = RunFolder(settings["run_folder"]).model_summary.read_text()
    assert "Positions in a window" in table and "dilated" in table
    assert not any("Positions in a window" in each for each in caplog.messages)


def test_the_last_line_of_progress_is_the_last_validation(config, caplog):
    settings = config(*TINY_CODES, "validate_every_n_steps=4", "trainer.max_steps=8")
    settings["callbacks"]["progress"]["every_n_steps"] = 2
    train(settings)
    lines = [each for each in caplog.messages if re.match(r"step \d+/8  ", each)]
    assert [int(re.match(r"step (\d+)", each)[1]) for each in lines] == [2, 4, 6, 8]
    assert all("steps/s" in each for each in lines)
    assert ["left" in each for each in lines] == [True, True, True, False]
    last = float(re.search(r"validation/nll (\d\.\d+) at step 8", caplog.text)[1])
    assert f"validation {last:.3f}" in lines[-1]


def test_the_end_names_the_best_checkpoint_and_the_next_commands(config, caplog):
    settings = config(*TINY_CODES, "validate_every_n_steps=4", "trainer.max_steps=8")
    best = train(settings)
    folder = settings["run_folder"]
    file = RunFolder(folder).best_checkpoint
    ending, found, evaluate, generate = printed(caplog, "callbacks.ending")
    assert "the run ends" in ending
    assert f"Continue it with wavenet-ae train resume={settings['run_folder']} and a" in ending
    assert re.fullmatch(rf"best validation/nll: {best:.4f} at step [48], {file}", found)
    assert evaluate.endswith(f"wavenet-ae evaluate checkpoint={folder}")
    assert generate.endswith(f"wavenet-ae generate checkpoint={folder} input=RECORDINGS")


def test_a_path_is_written_as_the_user_would(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "outputs" / "a") == "outputs/a"
    assert shown_path(tmp_path.parent) == str(tmp_path.parent)
    assert argument("resume", "outputs/my run") == "'resume=outputs/my run'"


def test_the_pace_counts_from_where_a_run_began(monkeypatch):
    now = iter([100.0, 100.0, 110.0, 120.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    pace = Pace(step=50, last=170)
    assert pace.describe(50) == ""
    assert pace.describe(70) == "2 steps/s, 0:00:50 left"
    assert pace.describe(170) == "6 steps/s"


def test_a_narrow_terminal_gets_the_first_parts_of_a_text():
    text = "3.1 steps/s  5.281 nats/sample  validation 5.157"
    assert fitting(text, 100) == text
    assert fitting(text, 35) == "3.1 steps/s  5.281 nats/sample"
    assert fitting(text, 3) == "3.1 steps/s"


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_bar_keeps_to_one_line_and_shows_the_step(width, monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=width)
    monkeypatch.setattr(bars, "Console", lambda **_: terminal)
    bar = Bar(2000, counts_steps=True, is_transient=False)
    more = [f"metric {number}" for number in range(9)]
    bar.at(1300, "  ".join(["3.1 steps/s", "5.281 nats/sample", *more]))
    bar._bar.refresh()
    bar.stop()
    last = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", screen.getvalue()).strip().split("\r")[-1]
    assert "1300/2000" in last and "3.1 steps/s" in last and "…" not in last
    assert "\n" not in last


def test_lines_of_the_log_go_where_errors_go_at_the_time(monkeypatch):
    handler = ConsoleHandler()
    above_a_bar = io.StringIO()
    monkeypatch.setattr(sys, "stderr", above_a_bar)
    handler.emit(logging.LogRecord("a", logging.INFO, "", 0, "saved", None, None))
    assert above_a_bar.getvalue() == "saved\n"
