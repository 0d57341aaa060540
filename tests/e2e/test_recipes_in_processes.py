"""Two processes train the stages of a recipe as one would."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.commands import run
from helpers.recipes import UNIT_STAGES, UNITS, runs
from helpers.runs import last_state

from wavenet_ae.objectives import ClusterTargets
from wavenet_ae.recipes.recipe import TARGETS_FILE

TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
EXACT = ["trainer.precision=64-true"]


@pytest.mark.long
def test_two_processes_equal_one_and_wait_for_clusters_however_long_they_take(
    cache, tmp_path, monkeypatch
):
    """The second process waits for longer than a collective operation may take."""
    record = tmp_path / "record"
    monkeypatch.setenv("RECORD", str(record))
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = [*UNITS, *EXACT]
    code, output = run("train.py", *arguments, f"run_folder={one}", cache=cache)
    assert code == 0, output
    slow = "tests/helpers/slow_clusters_train.py"
    code, output = run(slow, *TWO, *arguments, f"run_folder={two}", cache=cache)
    assert code == 0, output
    assert record.read_text() == "clustered by 0\n"
    found = [
        ClusterTargets.load(runs(each, UNIT_STAGES)[1].path / TARGETS_FILE) for each in (one, two)
    ]
    np.testing.assert_array_equal(found[0].codes, found[1].codes)
    for left, right in zip(runs(one, UNIT_STAGES), runs(two, UNIT_STAGES), strict=True):
        assert right.completed.is_file()
        states = [last_state(each.path)["state_dict"] for each in (left, right)]
        assert states[0].keys() == states[1].keys()
        for name, value in states[0].items():
            torch.testing.assert_close(
                states[1][name], value, rtol=0, atol=1e-8, msg=lambda m, n=name: f"{n}: {m}"
            )
