"""Sections of a page, and its summary."""

from __future__ import annotations

from helpers.small_evaluations import rows, small_result

from wavenet_ae.evaluation.report.sections import sections, summary
from wavenet_ae.evaluation.results import ResultTable


def texts(found) -> list[list[str]]:
    return [[cell.text for cell in row] for row in found.rows]


def test_one_section_a_table_over_all_models_in_the_order_of_the_words():
    a = small_result(
        rows("units", {"x": 1}), rows("boundaries", {"x": 2}), rows("likelihood", {"x": 3})
    )
    b = small_result(
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
    assert sections([small_result(*found)]) == []


def test_how_models_were_measured_is_shown_for_each_where_it_differs():
    a, b = (
        small_result(ResultTable("own", [], [{"x": 1}], {"temperature": each}), name=name)
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
    (section,) = sections([small_result(reconstruction)])
    text = section.about[0].text
    assert text.startswith("2 utterances, at most the first 1.5 s of each")
    assert "Not installed" not in text and text.endswith("for a control.  (seed 1)")


def test_one_thing_is_counted_as_one():
    metadata = {"num_items": 1, "num_recordings": 1, "num_left": 2, "num_empty": 1}
    (section,) = sections([small_result(ResultTable("abx", [], [{"x": 1}], metadata))])
    text = section.about[0].text
    assert "1 phone of 1 utterance of all splits" in text and "1 phone without a code" in text
    assert "2 utterances with labels left out" in text


def test_the_summary_has_a_row_a_model_and_no_column_that_none_has():
    increase = {"control": "shuffled_codes", "nll_increase": 0.25}
    nll = {"samples": "all", "nll": 2.8134, "nll_error": 0.0312}
    probe = {"task": "phone", "representation": "vectors", "probe": "linear"}
    interval = {"accuracy": 0.32, "accuracy_low": 0.301, "accuracy_high": 0.34}
    a = small_result(rows("likelihood", nll), rows("ablations", increase))
    b = small_result(rows("likelihood", nll), rows("probing", {**probe, **interval}), name="b")
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
