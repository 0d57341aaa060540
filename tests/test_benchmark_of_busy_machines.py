"""The benchmark of busy machines: its work waits for turns, and its shares are of one thread."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import busy


def test_a_fair_share_is_of_one_thread_and_at_most_a_core(monkeypatch):
    monkeypatch.setattr(busy.os, "cpu_count", lambda: 2)
    results = {("training", busy.ONE, 0): [4.0, 5.0, 9.0], ("training", busy.ADAPTED, 4): [1.0]}
    shares = [busy.fair_share(results, "training", level) for level in (0, 1, 3, 4)]
    assert shares == [5.0, 5.0, 2.5, 2.0]


def test_rows_differ_in_what_is_set_before_torch_is_imported():
    rows = busy.conditions([500])
    assert rows["torch's own"] == {"ADAPT": "0"}
    assert rows["spin count 500"] == {"ADAPT": "0", "GOMP_SPINCOUNT": "500"}
    assert rows[busy.ADAPTED] == {"GOMP_SPINCOUNT": "10000"}


def kinds() -> list:
    """Two that have little in common; `long`: the others."""
    often = ("training", "packing")
    return [
        pytest.param(each, marks=[] if each in often else [pytest.mark.long]) for each in busy.WORK
    ]


@pytest.mark.slow
@pytest.mark.parametrize("work", kinds())
def test_each_kind_of_work_waits_for_its_turns(work, cache, monkeypatch):
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))
    with busy.worker(work, {"OMP_NUM_THREADS": "1"}) as process:
        assert busy.answer(process) == 0, "nothing is done before the first turn"
        assert busy.turn(process, 0.5) > 0
        assert busy.turn(process, 0.1) > 0
