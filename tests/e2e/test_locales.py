"""Names that a locale lacks, and names that are no text: every command takes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import ROOT, environment
from helpers.configs import TINY, TINY_CODES
from helpers.small_models import recordings

from wavenet_ae.runs import RunFolder

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
LENGTHS = {f"{speaker}/ä{number}.wav": 16000 for speaker in ("Jürgen", "日本") for number in (1, 2)}


def run_in_ascii(name: str, *arguments: str, cache: Path) -> tuple[int, str]:
    """Exit code and all that a command prints, which must be ASCII."""
    done = subprocess.run(
        [sys.executable, "-m", "wavenet_ae", name, *map(os.fsencode, arguments)],
        env={**environment(cache), **ASCII},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout.decode("ascii")


@pytest.mark.slow
def test_every_command_takes_any_name_in_a_locale_of_ascii_alone(cache, tmp_path):
    source, folder = recordings(tmp_path / "é", LENGTHS), tmp_path / "läuft"
    data = ["data=folder", f"data.root={source}", "data.splits.validation=0.6"]
    model = f"checkpoint={RunFolder(folder).best_checkpoint}"
    tiny = [each for each in (*TINY, *TINY_CODES) if not each.startswith("data.source")]
    few = ["metrics=[likelihood,bitrate]", "num_utterances=1", "max_seconds=0.3"]
    commands = {
        "prepare": data,
        "train": [*tiny, *data, f"run_folder={folder}"],
        "generate": [model, "task=encode", f"input={source}", f"out={tmp_path / 'codes'}"],
        "evaluate": [model, f"out={tmp_path / 'evaluated'}", *few],
    }
    for name, arguments in commands.items():
        code, output = run_in_ascii(name, *arguments, cache=cache)
        assert code == 0, output
        assert "Unicode" not in output
    names = "".join(each.as_posix() for each in (tmp_path / "codes").rglob("*.npy"))
    assert "Jürgen/ä1" in names and "日本/ä2" in names


@pytest.mark.long
def test_a_run_in_a_folder_whose_name_is_no_text_is_evaluated_and_resumed(cache, tmp_path):
    folder = tmp_path / os.fsdecode(b"l\xe4uft\xff")  # Latin-1
    own = ["bottleneck=vqvae_ema", "trainer.max_steps=6"]
    short = [*TINY, *TINY_CODES, *own, f"hydra.run.dir={folder}"]
    code, output = run_in_ascii("demo", *short, cache=cache)
    assert code == 0 and "units" in output and "Traceback" not in output, output
    assert "l\\udce4uft\\udcff" in output
    assert RunFolder(folder).best_checkpoint.is_file()
    code, output = run_in_ascii("train", f"resume={folder}", "trainer.max_steps=8", cache=cache)
    assert code == 0 and "resumed at step 6" in output, output


@pytest.mark.parametrize(
    "argument, message",
    [
        (b"\xff=3", "is not of the form key=value"),
        (b"name=\xff", "quote it twice"),
        (b"--\xff", "is not of the form KEY=VALUE"),
        (b"bottleneck=\xff", "bottleneck"),
    ],
)
def test_arguments_of_the_demo_that_are_no_text_end_in_one_line(cache, argument, message):
    code, output = run_in_ascii("demo", os.fsdecode(argument), cache=cache)
    assert code == 1 and "Traceback" not in output
    assert output.startswith("error: ") and output.count("\n") == 1, output
    assert "\\udcff" in output and message in output
