"""Result tables on a page and on a console."""

from __future__ import annotations

from math import nan

from rich.console import Console

from wavenet_ae.evaluation.report.tables import by_model, console_table, is_printed, table
from wavenet_ae.evaluation.results import ResultTable


def texts(found) -> list[list[str]]:
    return [[cell.text for cell in row] for row in found.rows]


def test_errors_stand_in_the_cell_of_their_value_which_sorts_by_its_value():
    found = table(
        [{"kind": "quantized", "lsd_db": 2.8134, "lsd_db_error": 0.0312, "num_rows": 12000}]
    )
    assert [column.heading for column in found.columns] == ["audio", "LSD (dB)", "num rows"]
    assert [column.is_number for column in found.columns] == [False, True, True]
    assert texts(found) == [["original, quantized as the target", "2.813 ± 0.031", "12,000"]]
    assert [cell.value for cell in found.rows[0]] == [
        "original, quantized as the target",
        2.8134,
        12000,
    ]


def test_an_error_that_rounding_leaves_adds_no_digits_to_its_value():
    found = table([{"speaker_similarity": 0.9999999851, "speaker_similarity_error": 7.3e-9}])
    assert texts(found) == [["1"]]


def test_what_a_row_lacks_is_an_empty_cell_without_a_value():
    found = table([{"a": 1, "b": None}, {"b": 2.0, "c": "x"}])
    assert texts(found) == [["1", "", ""], ["", "2", "x"]]
    assert [cell.value for cell in found.rows[0]] == [1, None, None]


def test_a_range_is_one_cell_and_a_yes_is_a_text():
    found = table([{"computed_first": -80.0, "computed_last": 9.5, "agrees": True}])
    assert [column.heading for column in found.columns] == ["computed", "agrees"]
    assert texts(found) == [["-80 to +9.5", "yes"]]
    assert not any(column.is_number for column in found.columns)


def of_rows(*values: dict, keys: tuple[str, ...] = ()) -> ResultTable:
    return ResultTable("made", keys, list(values))


def test_models_are_a_column_where_there_are_several():
    one = {"x": 1}
    assert texts(by_model({"a": of_rows(one)})) == [["1"]]
    both = by_model({"a": of_rows(one), "b": of_rows(one, one)})
    assert texts(both) == [["a", "1"], ["b", "1"], ["b", "1"]]


def test_rows_of_several_models_that_are_about_the_same_stand_together():
    x, y = {"metric": "x", "computed": "1 to 9"}, {"metric": "y", "computed": "1 to 5"}
    expected = [["a", "x"], ["b", "x"], ["a", "y"], ["b", "y"]]
    keys = ("metric",)
    other = {**x, "computed": "another text that is no key"}
    found = by_model({"a": of_rows(x, y, keys=keys), "b": of_rows(y, other, keys=keys)})
    assert [row[:2] for row in texts(found)] == expected


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
