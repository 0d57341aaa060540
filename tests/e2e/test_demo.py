"""demo.py: what it leaves out it says before it trains, and Ctrl-C goes through it."""

from __future__ import annotations

import os
import re
import signal
import time

import numpy as np
import pytest
import soundfile
from helpers.commands import run, start
from helpers.configs import TINY, TINY_CODES
from helpers.recipes import UNIT_STAGES, UNITS, runs

from wavenet_ae.runs import RunFolder

CORPUS = ("data.source.num_speakers", "data.source.minutes", "bottleneck.start_after")


def test_a_mistake_ends_without_a_trace(cache):
    code, output = run("demo.py", "data.batch_size=many", cache=cache)
    assert code == 1 and "data.batch_size is 'many'" in output and "Traceback" not in output
    code, output = run("demo.py", "bottleneck=vqvea", cache=cache)
    assert code == 1 and "vqvea" in output and "Traceback" not in output
    code, output = run("demo.py", "stages.studnet.seed=2", cache=cache)
    assert code == 1 and "'studnet'" in output and "student" in output


@pytest.mark.slow
def test_it_trains_stages_and_evaluates_the_last(cache, tmp_path):
    command = [*UNITS[1:], f"hydra.run.dir={tmp_path}/run"]
    code, output = run("demo.py", *command, cache=cache)
    assert code == 0, output
    last = runs(tmp_path / "run", UNIT_STAGES)[-1]
    assert last.best_checkpoint.is_file() and (last.path / "usage.png").is_file()
    assert "PNMI of the units" in output and "of 16" in output, "the codes of the decoder's stage"
    assert "12 steps of stage 3-decoder" in output


@pytest.mark.slow
def test_without_labels_and_without_validation(cache, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(8):
        path = tmp_path / "recordings" / "anna" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, rng.normal(0, 0.1, 24000), 8000)
    tiny = [each for each in TINY if not each.startswith(CORPUS)]
    own = ["data=folder", f"data.root={tmp_path}/recordings", "data.splits.validation=0.3"]
    short = ["experiment=null", "trainer.max_steps=5", f"hydra.run.dir={tmp_path}/run"]
    code, output = run("demo.py", *tiny, *TINY_CODES, *own, *short, cache=cache)
    assert code == 0, output
    before, _, after = output.partition("run folder:")
    assert "leaves PNMI out" in before and "leaves validation out" in before
    assert "the run ended before its first validation" in after and "PNMI" not in after
    assert output.count("run folder:") == 1, "each line is printed once"
    assert not (tmp_path / "run" / "usage.png").exists()


@pytest.mark.slow
def test_ctrl_c_saves_and_ends_without_a_trace(cache, tmp_path):
    folder = tmp_path / "run"
    command = [*TINY, *TINY_CODES, "bottleneck=vqvae_ema", "trainer.max_steps=100000"]
    command.append(f"hydra.run.dir={folder}")
    process = start("demo.py", *command, cache=cache, new_session=True)
    while process.poll() is None and not RunFolder(folder).step_checkpoints():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to parent and child
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert re.search(r"stopping at step \d+: saved", output) and "Traceback" not in output
