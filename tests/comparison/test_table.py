"""Results of runs as a CSV file with all metrics and as a table that fits the console."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from helpers.summary_runs import comparison, config, rows_of, write_run
from rich.console import Console
from rich.table import Table

from wavenet_ae.comparison.metrics import criterion
from wavenet_ae.comparison.table import WIDTH, console_table, write_csv

NLL = criterion({})


def printed(table: Table) -> list[str]:
    console = Console(file=io.StringIO(), width=WIDTH)
    console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_csv_file_has_a_row_for_each_run_with_all_metrics(tmp_path):
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


def test_groups_show_means_over_their_finished_runs(tmp_path):
    lines = printed(console_table(rows_of(comparison(tmp_path)), "8 runs", NLL))
    cells = [line.split() for line in lines if line.strip()]
    start = next(index for index, line in enumerate(cells) if line[0] == "bottleneck")
    assert cells[start + 2 : start + 6] == [
        ["identity", "2", "2.515", "2.510", "to", "2.520", "0.000", "0.252", "-", "-", "6.0"],
        ["vae", "2", "2.615", "2.610", "to", "2.620", "0.100", "0.262", "900", "-", "6.0"],
        ["vqvae", "2", "2.715", "2.710", "to", "2.720", "0.200", "0.272", "280", "300", "6.0"],
        ["fsq", "1", "of", "2", "2.810", "0.300", "0.281", "290", "300", "6.0"],
    ]


def test_ranges_are_ordered_as_numbers_not_as_texts(tmp_path):
    for seed, nll in enumerate((9.9, 10.2)):
        write_run(tmp_path / str(seed), config(seed=seed), (11.0, nll))
    assert any(
        "9.900 to 10.200" in line
        for line in printed(console_table(rows_of(tmp_path), "2 runs", NLL))
    )


def test_single_runs_are_shown_with_their_status_lowest_nll_first(tmp_path):
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
def test_the_table_fits_the_console(num_keys, tmp_path):
    names = ["learning_rate", "decoder_learning_rate", "codebook_learning_rate", "beta1", "beta2"]
    for number in range(12):
        values = dict.fromkeys(names[:num_keys], 0.00123456 * (number + 1))
        rates = {"nominal": 12345.0, "unigram": 12345.0}
        write_run(tmp_path / str(number), config(optimizer=values), rates=rates)
    lines = printed(console_table(rows_of(tmp_path), "12 runs", NLL))
    assert max(map(len, lines)) <= WIDTH
    assert not any("…" in line for line in lines)
    assert sum("finished" in line for line in lines) == 12


def test_one_run_and_a_run_without_a_configuration(tmp_path):
    write_run(tmp_path / "0", config())
    assert any(line.split()[:3] == ["0", "finished", "3.000"] for line in printed(table(tmp_path)))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "failed.txt").write_text("refused")
    assert any("failed" in line for line in printed(table(tmp_path)))


def table(sweep: Path) -> Table:
    return console_table(rows_of(sweep), "runs", NLL)
