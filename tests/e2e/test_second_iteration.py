"""A student that learns the clusters of a student, by the recipe that the guide shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.commands import run
from helpers.pages import blocks
from helpers.runs import logged

from wavenet_ae.objectives import ClusterTargets
from wavenet_ae.recipes.recipe import TARGETS_FILE
from wavenet_ae.runs import RunFolder

PAGE = "docs/guide/recipes.md"
SMALL = [
    *("data.source.num_speakers=2", "data.source.minutes=1", "data.validation_seconds=6"),
    *("data.batch_size=4", "data.window_seconds=0.64", "encoder.dim=32", "trainer.max_steps=60"),
    *("trainer.log_every_n_steps=1", "trainer.accelerator=cpu", "validate_every_n_steps=30"),
    *("optimizer.warmup_steps=5", "optimizer.learning_rate=0.002"),
    *(f"stages.{name}.clusters.num_clusters=16" for name in ("student", "second_student")),
]


def write_page(folder: Path) -> list[str]:
    """Writes the recipe of the page as an experiment; returns the names of its stages."""
    (shown,) = (block.text for block in blocks(PAGE) if "second_student" in block.text)
    file = folder / "conf" / "experiment" / "iterated.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(shown)
    return [*yaml.safe_load(shown)["stages"]]


@pytest.mark.slow
def test_the_second_student_learns_the_clusters_of_the_first(cache, tmp_path):
    names = write_page(tmp_path)
    folder = tmp_path / "recipe"
    options = ["--config-dir", str(tmp_path / "conf"), "experiment=iterated", *SMALL]
    code, output = run("train.py", *options, f"run_folder={folder}", cache=cache)
    assert code == 0, output
    students = [RunFolder(folder).stage(number, name) for number, name in enumerate(names, 1)]
    targets = [ClusterTargets.load(each.path / TARGETS_FILE) for each in students]
    assert targets[0].source == "latents of MFCC, smoothed by 2"
    assert targets[1].source == "latents of best.ckpt, smoothed by 2"
    assert targets[0].centers.shape == (16, 39) and targets[1].centers.shape == (16, 32)
    assert not np.array_equal(targets[0].codes, targets[1].codes)
    for student in students:
        rows = logged(student.path)
        chance = float(rows[0]["train/masked_prediction_chance"])
        losses = [row["validation/masked_prediction"] for row in rows]
        assert float([each for each in losses if each][-1]) < chance - 0.2
