"""Commands on a run folder from someone else whose configuration names a program to run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from helpers.commands import run

from wavenet_ae.runs import RunFolder


@pytest.fixture
def strange(quantized, tmp_path) -> RunFolder:
    found = RunFolder(shutil.copytree(quantized, tmp_path / "run"))
    config = yaml.safe_load(found.config.read_text())
    config["data"]["cache_dir"] = {
        "_target_": "wavenet_ae.engines.native.compiler._compile",
        "command": ["sh", "-c", f"touch {tmp_path / 'ran'}"],
        "library": {"_target_": "wavenet_ae.engines.native.compiler.native_folder"},
    }
    found.config.write_text(yaml.safe_dump(config))
    return found


@pytest.mark.parametrize("command", ["evaluate", "resume"])
def test_the_program_is_refused_by_name_and_never_runs(strange, cache, tmp_path, command):
    checkpoint, out = f"checkpoint={strange.best_checkpoint}", f"out={tmp_path / 'out'}"
    arguments = {
        "evaluate": ["evaluate.py", checkpoint, out, "metrics=[likelihood]"],
        "resume": ["train.py", f"resume={strange.path}", "trainer.max_steps=100"],
    }
    code, output = run(*arguments[command], cache=cache)
    assert code == 1 and "data.cache_dir._target_ is set" in output, output
    assert "Traceback" not in output
    assert not Path(tmp_path, "ran").exists()
