"""Comparing what runs have left behind."""

from __future__ import annotations

import csv
from pathlib import Path

import torch

from helpers.commands import run
from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.runs import RunFolder


def assert_same(left, right, where="checkpoint"):
    """Bit by bit, through all that a checkpoint holds."""
    assert type(left) is type(right), where
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            assert_same(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for index, pair in enumerate(zip(left, right, strict=True)):
            assert_same(*pair, f"{where}[{index}]")
    else:
        assert left == right, where


def last_state(folder: Path) -> dict:
    found = newest_checkpoint(RunFolder(folder))
    assert found is not None
    checkpoint = found[1]
    return {
        key: checkpoint[key]
        for key in ("state_dict", "optimizer_states", "lr_schedulers", "global_step", "SpeechData")
    }


def logged(folder: Path) -> list[dict[str, str]]:
    """All that a run has logged but its speed."""
    with RunFolder(folder).metrics.open() as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if not k.startswith("speed")} for row in rows]


def trained(folder: Path, cache: Path, *settings: str) -> Path:
    """The folder of a run that train.py has finished."""
    code, output = run("train.py", *settings, f"hydra.run.dir={folder}", cache=cache)
    assert code == 0, output
    return folder


def a_run(folder: Path, *steps: int, has_best: bool = True) -> RunFolder:
    """A run with the names of its files, all of them empty."""
    run = RunFolder(folder)
    run.checkpoints.mkdir(parents=True)
    run.config.touch()
    for step in steps:
        run.step_checkpoint(step).touch()
    if has_best:
        run.best_checkpoint.touch()
    return run
