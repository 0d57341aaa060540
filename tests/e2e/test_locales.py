"""Names of recordings that a locale lacks: no command minds them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.commands import ROOT, environment
from helpers.configs import TINY, TINY_CODES
from helpers.small_models import recordings

from wavenet_ae.runs import RunFolder

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
LENGTHS = {f"{speaker}/ä{number}.wav": 16000 for speaker in ("Jürgen", "日本") for number in (1, 2)}


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
        done = subprocess.run(
            [sys.executable, "-m", "wavenet_ae", name, *map(os.fsencode, arguments)],
            env={**environment(cache), **ASCII},
            cwd=ROOT,
            capture_output=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert b"Unicode" not in done.stdout + done.stderr
        done.stdout.decode("ascii")
    names = "".join(each.as_posix() for each in (tmp_path / "codes").rglob("*.npy"))
    assert "Jürgen/ä1" in names and "日本/ä2" in names
