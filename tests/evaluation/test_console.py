"""Result tables on a console."""

from __future__ import annotations

from math import nan

from rich.console import Console

from wavenet_ae.evaluation.console import console_table, is_printed
from wavenet_ae.evaluation.results import ResultTable


def printed(table: ResultTable) -> str:
    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(console_table(table))
    return capture.get()


def test_errors_stand_behind_their_values_under_words():
    rows = [
        {"kind": "quantized", "lsd_db": 2.8134, "lsd_db_error": 0.0312, "num_used": 12000},
        {"kind": "reconstructed", "lsd_db": nan, "lsd_db_error": nan, "num_used": 3},
    ]
    text = printed(ResultTable("reconstruction", ["kind"], rows))
    assert "Reconstruction" in text and "original, quantized as the target" in text
    assert "2.813 ± 0.031" in text and "12,000" in text and "LSD" in text
    assert "nan" not in text and "None" not in text and "error" not in text


def test_what_rounding_leaves_is_no_error():
    row = {"kind": "reconstructed", "f0_hz": 98.27236, "f0_hz_error": 3e-15}
    assert "98.27 " in printed(ResultTable("reconstruction", ["kind"], [row]))


def test_intervals_stand_behind_their_values():
    row = {"probe": "mlp", "accuracy": 0.32, "accuracy_low": 0.301, "accuracy_high": 0.34}
    text = printed(ResultTable("probing", ["probe"], [row]))
    assert "MLP" in text and "0.320 (0.301 to 0.340)" in text and "low" not in text
    alone = {**row, "accuracy_low": nan, "accuracy_high": nan}
    assert "0.320\n" in printed(ResultTable("probing", ["probe"], [alone])).replace(" ", "")


def test_details_and_what_only_plots_show_is_not_printed():
    rows = [{"x": 1}]
    ids = ("units", "own", "contingency", "reconstruction_files")
    assert [is_printed(ResultTable(id, [], rows)) for id in ids] == [True, True, False, False]
    assert not is_printed(ResultTable("units", [], []))
