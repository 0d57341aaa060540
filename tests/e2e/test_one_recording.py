"""A single long recording, as a user trains on it: by time split, resumed and evaluated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.commands import run
from helpers.configs import TINY, TINY_CODES
from helpers.runs import assert_same, last_state, trained

from wavenet_ae.audio.io import write
from wavenet_ae.evaluation.report.prose import introduction
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
RATE, SECONDS = 8000, 30
LABEL_RATE = 16_000  # of .phn files


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two vowel-like sounds of half a second in turn, labeled a and b."""
    folder = tmp_path_factory.mktemp("book")
    time = np.arange(RATE * SECONDS) / RATE
    pitch = np.where((2 * time).astype(int) % 2, 210.0, 120.0)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = np.sin(phase) + 0.5 * np.sin(3 * phase) + 0.2 * np.sin(9 * phase)
    write(folder / "anna" / "book.wav", (7000 * wave).astype(np.int16), RATE)
    half = LABEL_RATE // 2
    rows = (f"{n * half} {(n + 1) * half} {'ab'[n % 2]}\n" for n in range(2 * SECONDS))
    (folder / "anna" / "book.phn").write_text("".join(rows))
    return folder


@pytest.fixture(scope="module")
def settings(root) -> list[str]:
    tiny = [each for each in TINY if not each.startswith("data.source.")]
    return [*tiny, *TINY_CODES, "data=folder", f"data.root={root}"]


@pytest.fixture(scope="module")
def finished(settings, cache, tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("one") / "run", cache, *settings)


def test_a_resumed_run_ends_as_the_one_that_was_not_stopped(settings, cache, finished, tmp_path):
    folder = trained(tmp_path / "run", cache, *settings, "trainer.max_steps=12")
    code, output = run("train.py", f"resume={folder}", "trainer.max_steps=24", cache=cache)
    assert code == 0, output
    assert_same(last_state(finished), last_state(folder))


def test_two_processes_train_what_one_does(settings, cache, tmp_path):
    given = [*settings, "trainer.precision=64-true", "trainer.max_steps=8"]
    two = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    one = last_state(trained(tmp_path / "one", cache, *given))
    both = last_state(trained(tmp_path / "two", cache, *given, *two))
    assert one["SpeechData"] == both["SpeechData"]
    for name, value in one["state_dict"].items():
        torch.testing.assert_close(both["state_dict"][name], value, rtol=0, atol=1e-8)


def test_its_end_is_evaluated_with_its_labels(finished, cache, tmp_path):
    code, output = run(
        *("evaluate.py", f"checkpoint={RunFolder(finished).best_checkpoint}", f"out={tmp_path}"),
        *("metrics=[likelihood,units]", "num_utterances=1", "max_seconds=0.3"),
        cache=cache,
    )
    assert code == 0, output
    assert "split by time, and its last 10 % validate" in output
    result = EvaluationResult.load(tmp_path)
    corpus = result.corpus
    assert (corpus["num_utterances"], corpus["split_utterances"]) == (2, 1)
    assert corpus["split_seconds"] == pytest.approx(SECONDS / 10)
    assert corpus["split_utterances_of_training_recordings"] == 1
    units = result.table("units")
    assert units is not None and units.metadata["num_labels"] == 2
    text = " ".join(introduction([result]))
    assert "1 utterance is a part of recordings whose other parts are trained on" in text


def test_it_is_encoded_as_a_whole(finished, root, cache, tmp_path):
    code, output = run(
        *("generate.py", f"checkpoint={RunFolder(finished).best_checkpoint}", f"input={root}"),
        *("task=encode", f"out={tmp_path}"),
        cache=cache,
    )
    assert code == 0, output
    assert (tmp_path / "anna").is_dir()


def test_too_short_a_recording_is_one_clear_error(settings, cache, tmp_path):
    write(tmp_path / "in" / "anna" / "hm.wav", np.arange(4800, dtype=np.int16), RATE)
    given = [*settings[:-1], f"data.root={tmp_path / 'in'}", f"hydra.run.dir={tmp_path / 'run'}"]
    code, output = run("train.py", *given, cache=cache)
    assert code == 1 and "Traceback" not in output
    assert "the longest has 0.6 s" in output and "Add recordings or longer ones" in output


def test_overfitting_needs_no_validation_split(settings, cache, tmp_path):
    rng = np.random.default_rng(0)
    short = rng.integers(-9000, 9000, 9600).astype(np.int16)
    write(tmp_path / "in" / "anna" / "hm.wav", short, RATE)
    given = [*settings[:-1], f"data.root={tmp_path / 'in'}", "data.overfit=1"]
    folder = trained(tmp_path / "run", cache, *given)
    assert RunFolder(folder).step_checkpoints()
