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


def test_one_section_a_table_over_all_models_in_the_order_of_the_words():
    a = made_up(rows("units", {"x": 1}), rows("boundaries", {"x": 2}), rows("likelihood", {"x": 3}))
    b = made_up(
        rows("own", {"x": 7}),
        rows("receptive_fields", {"x": 4}),
        rows("units", {"x": 5, "y": 6}),
        name="b",
    )
    found = sections([a, b])
    ids = ["receptive_fields", "likelihood", "units", "boundaries", "own"]
    assert [each.id for each in found] == ids
    assert texts(found[2].table) == [["a", "1", ""], ["b", "5", "6"]]
    assert texts(found[0].table) == [["b", "4"]], "of several models, the only one is named"
    assert [each.of for each in found[0].about] == [["b"]] and found[2].about[0].of == []


def test_what_only_plots_use_and_what_is_empty_has_no_section():
    found = [rows("contingency", {"x": 1}), rows("alignment_example", {"x": 1}), rows("probing")]
    assert sections([made_up(*found)]) == []


def test_how_models_were_measured_is_told_for_each_where_it_differs():
    a, b = (
        made_up(ResultTable("own", [], [{"x": 1}], {"temperature": each}), name=name)
        for name, each in (("a", 1), ("b", 0.5))
    )
    (section,) = sections([a, b])
    assert [(list(each.of), each.text) for each in section.about] == [
        (["a"], "(temperature 1)"),
        (["b"], "(temperature 0.5)"),
    ]


def test_a_sentence_needs_all_values_that_it_mentions():
    metadata = {"num_utterances": 2, "max_seconds": 1.5, "seed": 1}
    reconstruction = ResultTable("reconstruction", [], [{"x": 1}], metadata, ["one_utterance"])
    (section,) = sections([made_up(reconstruction)])
    text = section.about[0].text
    assert text.startswith("2 utterances, at most the first 1.5 s of each")
    assert "Not installed" not in text and text.endswith("for a control.  (seed 1)")


def test_the_summary_has_a_row_a_model_and_no_column_that_none_has():
    increase = {"control": "shuffled_codes", "nll_increase": 0.25}
    nll = {"samples": "all", "nll": 2.8134, "nll_error": 0.0312}
    probe = {"task": "phone", "representation": "vectors", "probe": "linear"}
    interval = {"accuracy": 0.32, "accuracy_low": 0.301, "accuracy_high": 0.34}
    a = made_up(rows("likelihood", nll), rows("ablations", increase))
    b = made_up(rows("likelihood", nll), rows("probing", {**probe, **interval}), name="b")
    found = summary([a, b])
    assert [column.heading for column in found.columns] == [
        "model",
        "NLL (nats/sample)",
        "NLL increase with shuffled codes",
        "phone, from vectors",
    ]
    assert texts(found) == [
        ["a", "2.813 ± 0.031", "0.25", ""],
        ["b", "2.813 ± 0.031", "", "0.320 (0.301 to 0.340)"],
    ]
