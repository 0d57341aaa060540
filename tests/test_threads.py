"""Threads that share a CPU: what is chosen, by simulated clocks, and what is set before torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from wavenet_ae.threads import (
    MOST_RETRY_AFTER,
    RETRY_AFTER,
    WINDOW_SECONDS,
    AdaptedTorch,
    AdaptiveThreads,
)

ROOT = Path(__file__).parents[1]
COMMANDS = sorted(
    path
    for path in (ROOT / "src" / "wavenet_ae" / "cli").glob("[a-z]*.py")
    if "\ndef main(" in path.read_text()
)


class Machine:
    """Clocks of a process on `cores` cores, of which other programs take some at times.

    Whoever needs more threads than there are cores left waits for the thread that has none: the
    main thread computes half of the time, and all threads together use what is left.
    """

    def __init__(self, most: int) -> None:
        self.cores, self.taken = most, 0
        self.wall = self.own = self.all_threads = 0.0
        clocks = (lambda: self.wall, lambda: self.own, lambda: self.all_threads)
        self.adaptive = AdaptiveThreads(most, clocks)

    def work(self, seconds: float, piece: float = 0.1) -> list[int]:
        """Pieces of work for some seconds; returns the threads after each."""
        chosen = []
        for _ in range(round(seconds / piece)):
            self.adaptive.begin()
            threads, left = self.adaptive.threads, max(1, self.cores - self.taken)
            self.wall += piece
            self.own += piece if threads <= left else 0.5 * piece
            self.all_threads += piece * min(threads, left)
            chosen.append(self.adaptive.end())
        return chosen


def test_all_threads_are_used_on_a_quiet_machine():
    machine = Machine(2)
    assert set(machine.work(60)) == {2}


def test_one_busy_moment_changes_nothing():
    machine = Machine(2)
    machine.taken = 1
    machine.work(WINDOW_SECONDS)
    machine.taken = 0
    assert set(machine.work(5)) == {2}


def test_fewer_threads_are_used_soon_after_a_core_is_taken():
    machine = Machine(2)
    machine.taken = 1
    chosen = machine.work(3)
    assert chosen.index(1) <= 2 * WINDOW_SECONDS / 0.1
    assert chosen[-1] == 1


@pytest.mark.parametrize("taken", [1, 3, 12])
def test_as_many_threads_are_used_as_the_process_gets_cores(taken):
    machine = Machine(16)
    machine.taken = taken
    assert machine.work(5)[-1] == 16 - taken


def test_all_threads_are_back_when_the_machine_is_quiet_again():
    machine = Machine(2)
    machine.taken = 1
    machine.work(5)
    machine.taken = 0
    assert set(machine.work(RETRY_AFTER * WINDOW_SECONDS + 2)[-10:]) == {2}
    assert set(machine.work(60)) == {2}


def test_trials_of_all_threads_become_rare_but_never_end():
    machine = Machine(2)
    machine.taken = 1
    for seconds in (100, 3000):
        chosen = machine.work(seconds)
        assert chosen[-1] == 1
    assert 0 < chosen.count(2) / len(chosen) < 0.01
    machine.taken = 0
    assert machine.work(MOST_RETRY_AFTER * WINDOW_SECONDS + 2)[-1] == 2


def test_one_thread_that_gets_too_little_stays_one():
    machine = Machine(1)
    machine.taken = 4
    assert set(machine.work(30)) == {1}


def test_long_pieces_of_work_are_judged_one_by_one():
    machine = Machine(2)
    machine.taken = 1
    assert machine.work(20 * RETRY_AFTER, piece=20)[1:] == [1] * (RETRY_AFTER - 1)


def test_torch_has_all_its_threads_again_after_adapted_work():
    torch.set_num_threads(3)
    try:
        with pytest.raises(ValueError), AdaptedTorch() as adapted:
            adapted.adaptive.threads = 2
            adapted.adaptive.clocks = (float, float, float)  # no time passes
            adapted.next_piece()
            assert torch.get_num_threads() == 2
            raise ValueError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)


IMPORTS_OF_SCRIPTS = """
import importlib.abc, os, runpy, sys

class Torch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *rest):
        if name == "torch":
            assert "GOMP_SPINCOUNT" in os.environ, "torch is imported before it is set"

sys.meta_path.insert(0, Torch())
for script in sys.argv[1:]:
    runpy.run_path(script, run_name="imported")
    print(os.environ.pop("GOMP_SPINCOUNT"))
    del sys.modules["wavenet_ae.exits"]
"""
SCRIPTS = ["train.py", "evaluate.py", "generate.py", *map(str, COMMANDS)]


def test_every_command_limits_spinning_before_torch_is_imported():
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GOMP_", "OMP_"))}
    command = [sys.executable, "-c", IMPORTS_OF_SCRIPTS, *SCRIPTS]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.stdout.split() == ["10000"] * len(SCRIPTS), result.stderr


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_the_user_has_set_stays(name, monkeypatch):
    from wavenet_ae.threads import set_spin_count

    for each in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "7")
    set_spin_count()
    assert os.environ[name] == "7"
    assert os.environ.get("GOMP_SPINCOUNT") == ("7" if name == "GOMP_SPINCOUNT" else None)
