"""Groups over seeds: their names, and their order by a comparison seed by seed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from helpers.summary_runs import config, rows_of, write_run
from rich.console import Console

from wavenet_ae.comparison.groups import Group, Row, behind_the_best, best_first, grouped
from wavenet_ae.comparison.metrics import criterion
from wavenet_ae.comparison.plots import plot_results
from wavenet_ae.comparison.table import WIDTH, console_table
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


def printed(rows: list[Row]) -> list[str]:
    console = Console(file=io.StringIO(), width=WIDTH)
    console.print(console_table(rows, "4 runs", NLL))
    return console.file.getvalue().splitlines()


def test_groups_have_the_names_of_their_runs(tmp_path):
    assert [group.label for group in named(tmp_path, "all", "none")] == ["all", "none"]
    lines = [line.split() for line in printed(rows_of(tmp_path)) if line.strip()]
    assert lines[2][:2] == ["name", "runs"]
    assert [line[:3] for line in lines[4:6]] == [["all", "2", "3.015"], ["none", "2", "3.115"]]


def test_groups_that_share_a_name_have_none(tmp_path):
    assert [group.name for group in named(tmp_path, "toy", "toy")] == ["", ""]


def test_named_groups_are_plotted_above_their_names(tmp_path):
    (axes,) = plot_results(named(tmp_path, "a", "b", "c"), NLL).axes
    assert [each.get_text() for each in axes.get_xticklabels()] == ["a", "b", "c"]
    assert axes.get_ylabel() == "validation NLL, nats/sample"


def test_the_highest_comes_first_where_higher_is_better(tmp_path):
    accuracy = Criterion("validation/nll", "maximize", "%", "accuracy")
    groups = named(tmp_path, "low", "high")
    assert [group.name for group in best_first(groups, accuracy)] == ["high", "low"]
    assert [group.name for group in best_first(groups, NLL)] == ["low", "high"]
    low, high = behind_the_best(groups, accuracy)
    assert low == pytest.approx([0.1, 0.1]) and high == [0, 0]


def test_groups_are_compared_seed_by_seed(tmp_path):
    nlls = {"ae": (2.0, 3.0, 2.5), "vae": (2.11, 3.12, 2.63), "fsq": (2.3, 3.2)}
    for option, of_option in nlls.items():
        for seed, nll in enumerate(of_option):
            write_run(tmp_path / f"{option}-{seed}", config(option, seed=seed), (4.0, nll))
    rows = rows_of(tmp_path)
    above = behind_the_best(grouped(rows), NLL)
    assert above[0] == [0, 0, 0]
    assert above[1] == pytest.approx([0.2 + 0.1, 0.2]), "over the seeds that it has"
    assert above[2] == pytest.approx([0.11, 0.12, 0.13])
    lines = printed(rows)
    assert any("2.110 to 3.120" in line and "0.110 to 0.130" in line for line in lines)


def test_a_group_without_the_hardest_seed_does_not_come_first_for_lacking_it(tmp_path):
    nlls = {"ae": {0: 2.0, 1: 4.0}, "vae": {0: 2.1, 1: 4.1}, "fsq": {0: 2.3}}
    for option, of_option in nlls.items():
        for seed, nll in of_option.items():
            write_run(tmp_path / f"{option}-{seed}", config(option, seed=seed), (5.0, nll))
    ordered = best_first(grouped(rows_of(tmp_path)), NLL)
    assert [group.settings["bottleneck"] for group in ordered] == ["ae", "vae", "fsq"]


def test_runs_of_one_group_and_seed_are_averaged(tmp_path):
    for number, (option, seed, nll) in enumerate(
        [("ae", 0, 2.0), ("ae", 1, 3.0), ("vae", 0, 2.1), ("vae", 0, 2.3), ("vae", 1, 3.1)]
    ):
        write_run(tmp_path / str(number), config(option, seed=seed), (5.0, nll))
    assert behind_the_best(grouped(rows_of(tmp_path)), NLL)[1] == pytest.approx([0.2, 0.1])


def test_runs_on_different_samples_are_not_paired(tmp_path):
    for option, seconds in (("ae", 0.5), ("vae", 0.25)):
        for seed in (0, 1):
            values = config(option, seed=seed, data={"window_seconds": seconds})
            write_run(tmp_path / f"{option}-{seed}", values)
    assert behind_the_best(grouped(rows_of(tmp_path)), NLL) == [[], []]


def test_groups_without_seeds_in_common_are_not_paired(tmp_path):
    for seed, option in enumerate(["ae", "ae", "vae", "vae"]):
        write_run(tmp_path / str(seed), config(option, seed=seed))
    rows = rows_of(tmp_path)
    assert behind_the_best(grouped(rows), NLL) == [[], []]
    assert "behind" not in "".join(printed(rows))
