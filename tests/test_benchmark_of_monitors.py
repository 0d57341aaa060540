"""The benchmark of monitors: it times all that they do in a step, and each moment once."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest
import pytorch_lightning as pl

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import monitors as benchmark

OUTSIDE_STEPS = ("on_train_start", "on_validation_start", "on_validation_batch_end")
OUTSIDE_STEPS += ("on_validation_end",)


class Clock:
    """Stands still but for what is spent."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def spend(self, seconds: float) -> None:
        self.time += seconds


class Slow:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def hook(self) -> None:
        self.clock.spend(1.0)


class Slower(Slow):
    def hook(self) -> None:
        self.clock.spend(10.0)
        super().hook()
        self.clock.spend(100.0)


def test_a_moment_within_two_hooks_counts_once(monkeypatch):
    clock, seconds = Clock(), defaultdict(float)
    monkeypatch.setattr(benchmark, "now", clock)
    for kind in (Slow, Slower):
        monkeypatch.setattr(kind, "hook", benchmark.timed(kind.hook, seconds))
    for callback in (Slow(clock), Slower(clock), Slower(clock)):
        callback.hook()
        clock.spend(1000.0)  # of the training itself
    assert seconds == {"Slow": 1.0, "Slower": 222.0}


@pytest.mark.parametrize("hook", benchmark.HOOKS)
def test_every_timed_hook_is_one_of_a_monitor(hook):
    assert any(hook in vars(kind) for kind in benchmark.TIMED)


@pytest.mark.parametrize("kind", benchmark.TIMED, ids=lambda kind: kind.__name__)
def test_every_hook_of_a_step_is_timed(kind):
    hooks = {name for name in vars(kind) if name.startswith("on_") and hasattr(pl.Callback, name)}
    assert hooks <= {*benchmark.HOOKS, *OUTSIDE_STEPS}
