"""metrics.csv and histograms.jsonl: later columns, and rows that a resume drops."""

from __future__ import annotations

import csv
import json

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.training.logging import CSVLog, Histogram, HistogramLog


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_of_a_step_join_its_row_and_later_columns_earlier_rows(tmp_path):
    path = tmp_path / "metrics.csv"
    log = CSVLog(path)
    log.log_metrics({"train/nll": 5.5, "epoch": 0}, step=8)
    log.log_metrics({"train/nll": 5.25}, step=9)
    log.log_metrics({"validation/nll": 5.0}, step=9)
    log.log_metrics({"train/nll": 5.25}, step=9)  # logged twice
    log.log_metrics({"train/nll": 5.125}, step=10)
    assert rows(path) == [
        {"step": "8", "train/nll": "5.5", "validation/nll": ""},
        {"step": "9", "train/nll": "5.25", "validation/nll": "5.0"},
        {"step": "10", "train/nll": "5.125", "validation/nll": ""},
    ]


def test_a_resume_continues_the_rows_and_drops_those_that_it_writes_again(tmp_path):
    path = tmp_path / "metrics.csv"
    log = CSVLog(path)
    for step in range(6):
        log.log_metrics({"train/nll": float(step)}, step)
    with path.open("a") as file:
        file.write("6,")  # cut short by a crash
    resumed = CSVLog(path, first_step=4)
    resumed.log_metrics({"train/nll": 44.0}, 4)
    resumed.log_metrics({"new": 1.0}, 5)
    assert [row["step"] for row in rows(path)] == ["0", "1", "2", "3", "4", "5"]
    assert rows(path)[4]["train/nll"] == "44.0"


def test_a_resume_drops_damaged_rows_and_says_how_many(tmp_path, caplog):
    path = tmp_path / "metrics.csv"
    CSVLog(path).log_metrics({"train/nll": 0.5}, 0)
    damaged = [b"1,caf\xe9", b"2,\0", b"x,1", b"3,1,1", b'4,"1', b"[" * 10**5]
    path.write_bytes(path.read_bytes() + b"\r\n".join([*damaged, b"5,1.5", b"6,2.5"]))
    CSVLog(path, first_step=7).log_metrics({"train/nll": 7.0}, 7)
    assert [row["step"] for row in rows(path)] == ["0", "5", "7"]  # 6 may have been cut short
    assert f"{path}: dropped 6 damaged lines" in caplog.text


def test_a_resume_refuses_a_file_without_the_columns_of_metrics(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"metrics\.csv, line 1: .* move the file away"):
        CSVLog(path, first_step=3)
    assert path.read_text() == "a,b\n1,2\n"


def test_a_new_run_in_an_old_folder_starts_over(tmp_path):
    path = tmp_path / "metrics.csv"
    CSVLog(path).log_metrics({"a": 1.0}, 0)
    log = CSVLog(path, first_step=0)
    log.log_metrics({"a": 2.0}, 0)
    assert [row["a"] for row in rows(path)] == ["2.0"]


def test_a_resume_drops_histograms_that_it_writes_again(tmp_path, caplog):
    path = tmp_path / "histograms.jsonl"
    log = HistogramLog(path)
    for step in (3, 7, 11):
        log.add_histogram("a", Histogram([float(step)], 0.0, 1.0), step)
    with path.open("a", errors="surrogateescape") as file:
        file.write('{"step": 1e999, "name": "a"}\n' + "[" * 10**5 + "\n\udce9\n")  # damage
        file.write('{"step": 12, "na')  # a crash
    HistogramLog(path, first_step=8).add_histogram("a", Histogram([8.0], 0.0, 1.0), 8)
    assert f"{path}: dropped 3 damaged lines" in caplog.text
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 7, 8]
    assert lines[-1] == {"step": 8, "name": "a", "low": 0.0, "high": 1.0, "counts": [8.0]}
