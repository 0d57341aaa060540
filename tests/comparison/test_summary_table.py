"""The table for programs loses nothing; the one for people fits and says what matters."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from helpers.summary_runs import comparison, config, rows_of, write_run
from rich.console import Console
from rich.table import Table

from wavenet_ae.comparison.criterion import criterion
from wavenet_ae.comparison.groups import grouped
from wavenet_ae.comparison.paired import behind_the_best, best_first
from wavenet_ae.comparison.table import WIDTH, console_table, write_csv

NLL = criterion({})


def printed(table: Table) -> list[str]:
    console = Console(file=io.StringIO(), width=WIDTH)
    console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_row_a_run_with_all_figures_in_full(tmp_path):
    rows = rows_of(comparison(tmp_path / "sweep"))
    write_csv(tmp_path / "sweep.csv", rows, NLL)
    with (tmp_path / "sweep.csv").open(newline="") as file:
        written = {row["run"]: row for row in csv.DictReader(file)}
    assert len(written) == 8
    assert list(written["vae-seed-1"]) == [
        *("run", "bottleneck", "seed", "status", "steps", "validation/nll", "best_step"),
        *("bitrate/kl", "bitrate/nominal", "bitrate/unigram", "bitrate/used"),
        *("speed/times_real_time", "training_seconds", "validation/nll_increase_shuffled_codes"),
    ]
    vae, failed = written["vae-seed-1"], written["fsq-seed-2"]
    assert (vae["bottleneck"], vae["seed"], vae["status"]) == ("vae", "1", "finished")
    assert float(vae["validation/nll"]) == 2.5 + 0.1 + 0.01
    assert (vae["bitrate/kl"], vae["bitrate/nominal"]) == ("900.0", "")
    assert failed["status"] == "failed: the loss is nan"


def test_means_over_seeds_of_finished_runs(tmp_path):
    lines = printed(console_table(rows_of(comparison(tmp_path)), "8 runs", NLL))
    cells = [line.split() for line in lines if line.strip()]
    start = next(index for index, line in enumerate(cells) if line[0] == "bottleneck")
    assert cells[start + 2 : start + 6] == [
        ["identity", "2", "2.515", "2.510", "to", "2.520", "0.000", "0.252", "-", "-", "6.0"],
        ["vae", "2", "2.615", "2.610", "to", "2.620", "0.100", "0.262", "900", "-", "6.0"],
        ["vqvae", "2", "2.715", "2.710", "to", "2.720", "0.200", "0.272", "280", "300", "6.0"],
        ["fsq", "1", "of", "2", "2.810", "0.300", "0.281", "290", "300", "6.0"],
    ]


def test_seed_by_seed_what_a_seed_adds_to_all_does_not_count(tmp_path):
    nlls = {"ae": (2.0, 3.0, 2.5), "vae": (2.11, 3.12, 2.63), "fsq": (2.3, 3.2)}
    for option, of_option in nlls.items():
        for seed, nll in enumerate(of_option):
            write_run(tmp_path / f"{option}-{seed}", config(option, seed=seed), (4.0, nll))
    rows = rows_of(tmp_path)
    above = behind_the_best(grouped(rows), NLL)
    assert above[0] == [0, 0, 0]
    assert above[1] == pytest.approx([0.2 + 0.1, 0.2]), "of the seeds that it has"
    assert above[2] == pytest.approx([0.11, 0.12, 0.13])
    lines = printed(console_table(rows, "8 runs", NLL))
    assert any("2.110 to 3.120" in line and "0.110 to 0.130" in line for line in lines)


def test_a_group_without_the_hard_seed_is_not_the_best_for_that(tmp_path):
    nlls = {"ae": {0: 2.0, 1: 4.0}, "vae": {0: 2.1, 1: 4.1}, "fsq": {0: 2.3}}
    for option, of_option in nlls.items():
        for seed, nll in of_option.items():
            write_run(tmp_path / f"{option}-{seed}", config(option, seed=seed), (5.0, nll))
    ordered = best_first(grouped(rows_of(tmp_path)), NLL)
    assert [group.settings["bottleneck"] for group in ordered] == ["ae", "vae", "fsq"]


def test_of_runs_that_share_a_seed_the_mean_counts(tmp_path):
    for number, (option, seed, nll) in enumerate(
        [("ae", 0, 2.0), ("ae", 1, 3.0), ("vae", 0, 2.1), ("vae", 0, 2.3), ("vae", 1, 3.1)]
    ):
        write_run(tmp_path / str(number), config(option, seed=seed), (5.0, nll))
    assert behind_the_best(grouped(rows_of(tmp_path)), NLL)[1] == pytest.approx([0.2, 0.1])


def test_runs_on_other_samples_are_not_paired(tmp_path):
    for option, seconds in (("ae", 0.5), ("vae", 0.25)):
        for seed in (0, 1):
            values = config(option, seed=seed, data={"window_seconds": seconds})
            write_run(tmp_path / f"{option}-{seed}", values)
    assert behind_the_best(grouped(rows_of(tmp_path)), NLL) == [[], []]


def test_ranges_are_ordered_as_numbers(tmp_path):
    for seed, nll in enumerate((9.9, 10.2)):
        write_run(tmp_path / str(seed), config(seed=seed), (11.0, nll))
    assert any(
        "9.900 to 10.200" in line
        for line in printed(console_table(rows_of(tmp_path), "2 runs", NLL))
    )


def test_without_seeds_in_common_there_is_nothing_to_pair(tmp_path):
    for seed, option in enumerate(["ae", "ae", "vae", "vae"]):
        write_run(tmp_path / str(seed), config(option, seed=seed))
    rows = rows_of(tmp_path)
    assert behind_the_best(grouped(rows), NLL) == [[], []]
    assert "behind" not in "".join(printed(console_table(rows, "4 runs", NLL)))


def test_single_runs_with_their_status_lowest_nll_first(tmp_path):
    for number, (rate, nll) in enumerate([(1e-2, 3.0), (1e-4, 2.0), (1.0, 5.0)]):
        values = config(optimizer={"learning_rate": rate})
        write_run(tmp_path / str(number), values, nlls=(6.0, 6.0, nll))
    (tmp_path / "2" / "failed.txt").write_text("the loss is nan")
    write_run(tmp_path / "3", config(), nlls=(), last_saved=10)
    cells = [line.split() for line in printed(console_table(rows_of(tmp_path), "4 runs", NLL))]
    assert ["run", "learning_rate", "status", "NLL", "increase", "time"] in cells
    assert [each[:4] for each in cells if each and each[0].isdigit()][1:] == [
        ["1", "0.0001", "finished", "2.000"],
        ["0", "0.01", "finished", "3.000"],
        ["2", "1", "failed", "5.000"],
        ["3", "0.001", "unfinished", "-"],
    ]


@pytest.mark.parametrize("num_keys", [1, 3, 5])
def test_it_fits_the_console(num_keys, tmp_path):
    names = ["learning_rate", "decoder_learning_rate", "codebook_learning_rate", "beta1", "beta2"]
    for number in range(12):
        values = dict.fromkeys(names[:num_keys], 0.00123456 * (number + 1))
        rates = {"nominal": 12345.0, "unigram": 12345.0}
        write_run(tmp_path / str(number), config(optimizer=values), rates=rates)
    lines = printed(console_table(rows_of(tmp_path), "12 runs", NLL))
    assert max(map(len, lines)) <= WIDTH
    assert not any("…" in line for line in lines)
    assert sum("finished" in line for line in lines) == 12


def test_one_run_and_runs_that_never_began(tmp_path):
    write_run(tmp_path / "0", config())
    assert any(line.split()[:3] == ["0", "finished", "3.000"] for line in printed(one(tmp_path)))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "failed.txt").write_text("refused")
    assert any("failed" in line for line in printed(one(tmp_path)))


def one(sweep: Path) -> Table:
    return console_table(rows_of(sweep), "runs", NLL)
