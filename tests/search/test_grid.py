"""Grids: every run is checked before the first one trains."""

from __future__ import annotations

import pytest
from helpers.commands import run
from helpers.configs import TINY

from wavenet_ae.search.grid import _named

SWEEP = ["-m", *TINY, "bottleneck.codebook_size=8"]


def test_a_wrong_value_of_the_last_run_is_named_before_the_first_one_trains(cache, tmp_path):
    """A wrong type, a wrong combination and a size that does not fit, of different runs."""
    sweep = tmp_path / "sweep"
    swept = ["data.batch_size=4,many", "bottleneck.start_after=3,30", "model.upsampling.dim=8,0"]
    code, output = run("train.py", *SWEEP, *swept, f"hydra.sweep.dir={sweep}", cache=cache)
    assert code == 1 and "Traceback" not in output
    assert "no run of the sweep has started: 7 of 8 cannot" in output
    assert "bottleneck.start_after=30" in output and "data.batch_size is 'many'" in output
    assert "model.upsampling.dim" in output
    assert not sweep.exists()


@pytest.mark.parametrize("count, text", [(1, "a"), (3, "a; a; a"), (5, "a; a; a and 2 more")])
def test_a_problem_of_many_runs_names_some_of_them(count, text):
    assert _named(["a"] * count) == text
