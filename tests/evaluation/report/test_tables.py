"""Tables of a page."""

from __future__ import annotations

from helpers.small_evaluations import made_up, rows

from wavenet_ae.evaluation.report.sections import sections
from wavenet_ae.evaluation.report.summary import summary
from wavenet_ae.evaluation.report.tables import by_model, table
from wavenet_ae.evaluation.results import ResultTable


def texts(found) -> list[list[str]]:
    return [[cell.text for cell in row] for row in found.rows]


def test_errors_stand_in_the_cell_of_their_value_which_sorts_by_its_value():
    found = table([{"sound": "a", "lsd_db": 2.8134, "lsd_db_error": 0.0312, "num_rows": 12000}])
    assert [column.heading for column in found.columns] == ["sound", "LSD", "num rows"]
    assert [column.is_number for column in found.columns] == [False, True, True]
    assert texts(found) == [["a", "2.813 ± 0.031", "12,000"]]
    assert [cell.value for cell in found.rows[0]] == ["a", 2.8134, 12000]


def test_what_a_row_lacks_is_an_empty_cell_without_a_value():
    found = table([{"a": 1, "b": None}, {"b": 2.0, "c": "x"}])
    assert texts(found) == [["1", "", ""], ["", "2", "x"]]
    assert [cell.value for cell in found.rows[0]] == [1, None, None]


def test_models_are_a_column_where_there_are_several():
    one = {"x": 1}
    assert texts(by_model({"a": [one]})) == [["1"]]
    assert texts(by_model({"a": [one], "b": [one, one]})) == [["a", "1"], ["b", "1"], ["b", "1"]]


def test_rows_of_several_models_that_are_about_the_same_stand_together():
    x, y = {"figure": "x", "nats": 1}, {"figure": "y", "nats": 2}
    expected = [["a", "x", "1"], ["b", "x", "1"], ["a", "y", "2"], ["b", "y", "2"]]
    assert texts(by_model({"a": [x, y], "b": [y, x]})) == expected


def test_text_that_was_found_does_not_part_rows():
    a, b = ([{"what": what, "computed": one} for what in "xy"] for one in ("1 to 9", "1 to 5"))
    found = [row[:2] for row in texts(by_model({"a": a, "b": b}))]
    assert found == [["a", "x"], ["b", "x"], ["a", "y"], ["b", "y"]]


def test_one_section_a_part_over_all_models_in_the_order_of_measuring():
    a = made_up(rows("units", {"x": 1}), rows("boundaries", {"x": 2}), rows("likelihood", {"x": 3}))
    b = made_up(rows("certificates", {"x": 4}), rows("units", {"x": 5, "y": 6}), name="b")
    found = sections([a, b])
    assert [each.part for each in found] == ["certificates", "likelihood", "units", "boundaries"]
    assert texts(found[2].table) == [["a", "1", ""], ["b", "5", "6"]]
    assert texts(found[0].table) == [["b", "4"]], "of several models, the only one is named"
    assert [each.of for each in found[0].about] == [["b"]] and found[2].about[0].of == []


def test_what_only_figures_use_and_what_is_empty_has_no_section():
    found = [rows("code_by_phone", {"x": 1}), rows("example", {"x": 1}), rows("probes")]
    assert sections([made_up(*found)]) == []


def test_how_models_were_measured_is_said_for_each_where_it_differs():
    a = made_up(ResultTable("sounds", "Sounds", "How.", [{"x": 1}], {"temperature": 1}))
    b = made_up(ResultTable("sounds", "Sounds", "How.", [{"x": 1}], {"temperature": 0.5}), name="b")
    (section,) = sections([a, b])
    assert [(list(each.of), each.text) for each in section.about] == [
        (["a"], "How.  (temperature 1)"),
        (["b"], "How.  (temperature 0.5)"),
    ]


def test_the_summary_has_a_row_a_model_and_no_column_that_none_has():
    costs = {"figure": "more with another item's codes", "nats_per_sample": 0.25}
    nll = {"figure": "NLL, all samples", "nats_per_sample": 2.8134, "nats_per_sample_error": 0.0312}
    probe = {"task": "phone of a frame", "representation": "vectors", "probe": "linear"}
    interval = {"accuracy": 0.32, "accuracy_low": 0.301, "accuracy_high": 0.34}
    a = made_up(rows("likelihood", costs, nll))
    b = made_up(rows("likelihood", nll), rows("probes", {**probe, **interval}), name="b")
    found = summary([a, b])
    assert [column.heading for column in found.columns] == [
        "model",
        "NLL, nats/sample",
        "another item's codes cost",
        "phone, from vectors",
    ]
    assert texts(found) == [
        ["a", "2.813 ± 0.031", "0.25", ""],
        ["b", "2.813 ± 0.031", "", "0.320 (0.301 to 0.340)"],
    ]
