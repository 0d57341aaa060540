"""The fuzz command: a few inputs of every kind, and faults that it has to report."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fuzz.__main__ import Case, damaged
from fuzz.inputs import make_labels, make_recordings, make_tables
from fuzz.kinds import KINDS
from fuzz.mutations import MUTATIONS, mutated
from fuzz.sandbox import read_in_child
from wavenet_ae.errors import UserError

FILES = ("recordings", "labels", "tables")  # kinds that need no trained model


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "inputs"
    folder.mkdir()
    make_recordings(folder / "recordings")
    make_labels(folder / "labels")
    make_tables(folder / "tables")
    return folder


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_read_or_refused(name, inputs, tmp_path):
    kind = next(each for each in KINDS if each.name == name)
    for number in range(24):
        place = tmp_path / str(number)
        place.mkdir()
        folder, file, mutation = damaged(kind, Case(name, number, 1), inputs, place)
        outcome = read_in_child(partial(kind.read, folder, file), place)
        assert not outcome.fault, f"{mutation} of {file.name}: {outcome.text}"


def raise_foreign() -> None:
    raise KeyError("x")


def refuse() -> None:
    raise UserError("x.wav: unreadable")


@pytest.mark.parametrize(
    "work, fault",
    [
        (lambda: None, ""),
        (refuse, ""),
        (raise_foreign, "stack trace: KeyError: 'x'"),
        (lambda: time.sleep(60), "hang: not done after 0.5 s"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "crash: signal SIGKILL"),
        (lambda: np.ones(1 << 28).sum(), "memory: "),
    ],
)
def test_what_becomes_of_an_input_is_told(work, fault, tmp_path):
    outcome = read_in_child(work, tmp_path, seconds=0.5 if "hang" in fault else 200)
    assert outcome.fault.startswith(fault) and bool(outcome.fault) == bool(fault)
    assert outcome.is_refused or not fault or fault.startswith("memory")


def test_an_input_writes_below_its_own_folder(tmp_path, monkeypatch):
    """Where an input names a file to write without a folder, the repository stays as it is."""
    here, own = tmp_path / "here", tmp_path / "own"
    for each in (here, own):
        each.mkdir()
    monkeypatch.chdir(here)
    outcome = read_in_child(lambda: Path("os.system").mkdir(), own)
    assert not outcome.fault, outcome.text
    assert (own / "os.system").is_dir() and not any(here.iterdir())


def test_mutations_are_functions_of_their_key(tmp_path):
    file = tmp_path / "x.phn"
    file.write_text("0 800 h#\n800 2400 sh\n")
    found = {mutated(file, 0, "labels", number) for number in range(200)}
    assert {name for name, _ in found} == {each.__name__ for each in MUTATIONS}
    assert mutated(file, 0, "labels", 3) == mutated(file, 0, "labels", 3)
