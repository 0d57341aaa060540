"""Groups over seeds: what they are called, and which is best."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from helpers.summary_runs import config, rows_of, write_run
from rich.console import Console

from wavenet_ae.comparison.criterion import criterion
from wavenet_ae.comparison.groups import Group, grouped
from wavenet_ae.comparison.paired import behind_the_best, best_first
from wavenet_ae.comparison.plots import plot_results
from wavenet_ae.comparison.table import console_table
from wavenet_ae.objectives import Criterion

NLL = criterion({})


def named(folder: Path, *names: str) -> list[Group]:
    """Runs of two seeds that differ in many settings, with these names."""
    for number, name in enumerate(names):
        for seed in (1, 2):
            varied = {f"setting_{n}": number * n for n in range(1, 6)}
            values = config("ae", name=name, seed=seed, optimizer=varied)
            write_run(folder / f"{number}-{seed}", values, (4.0, 3.0 + number / 10 + seed / 100))
    return grouped(rows_of(folder))


def test_groups_are_called_by_their_names(tmp_path):
    assert [group.label for group in named(tmp_path, "all", "none")] == ["all", "none"]
    console = Console(file=io.StringIO(), width=116)
    console.print(console_table(rows_of(tmp_path), "4 runs", NLL))
    lines = [line.split() for line in console.file.getvalue().splitlines() if line.strip()]
    assert lines[2][:2] == ["name", "runs"]
    assert [line[:3] for line in lines[4:6]] == [["all", "2", "3.015"], ["none", "2", "3.115"]]


def test_names_that_groups_share_do_not_name_them(tmp_path):
    assert [group.name for group in named(tmp_path, "toy", "toy")] == ["", ""]


def test_named_groups_are_plotted_above_their_names(tmp_path):
    (axes,) = plot_results(named(tmp_path, "a", "b", "c"), NLL).axes
    assert [each.get_text() for each in axes.get_xticklabels()] == ["a", "b", "c"]
    assert axes.get_ylabel() == "validation NLL, nats/sample"


def test_where_higher_is_better_the_highest_comes_first(tmp_path):
    accuracy = Criterion("validation/nll", "maximize", "%", "accuracy")
    groups = named(tmp_path, "low", "high")
    assert [group.name for group in best_first(groups, accuracy)] == ["high", "low"]
    assert [group.name for group in best_first(groups, NLL)] == ["low", "high"]
    low, high = behind_the_best(groups, accuracy)
    assert low == pytest.approx([0.1, 0.1]) and high == [0, 0]
