"""Plots of a page: all that there are, of real evaluations, and none without data."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from helpers.small_evaluations import HOSTILE, counted, evaluated, hostile, small_result

from wavenet_ae.evaluation.report.page import load_results
from wavenet_ae.evaluation.report.plots import plots
from wavenet_ae.evaluation.results import EvaluationResult

KINDS = ("rvq", "ae")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> list[EvaluationResult]:
    cache = tmp_path_factory.mktemp("cache")
    return load_results([evaluated(cache / kind, kind, cache) for kind in KINDS])


def plotted(results: list[EvaluationResult]) -> dict[str, str]:
    """SVG by title; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = plots(results)
    assert all(each.about.endswith(".") for each in found)
    return {each.title: each.svg for each in found}


def texts(svg: str) -> str:
    return "\n".join(ElementTree.fromstring(svg).itertext())


@pytest.fixture(scope="module")
def real(results) -> dict[str, str]:
    return plotted(results)


@pytest.mark.slow
def test_all_plots_of_real_evaluations(results, real):
    names, found = [each.name for each in results], real
    assert list(found) == [
        "Learning curves",
        "Rate and distortion",
        "Use of the units",
        *(f"Labels of each unit: {name}" for name in names),
        "Units and labels of an utterance",
    ]
    assert all(name in texts(found["Learning curves"]) for name in names)
    assert f"{names[1]}: no rate" in texts(found["Rate and distortion"])
    assert f"{names[0]}, codes of all codebooks: " in texts(found["Use of the units"])
    assert "k-means on vectors" in texts(found[f"Labels of each unit: {names[1]}"])
    assert "time in s" in texts(found["Units and labels of an utterance"])


def test_identifiers_do_not_collide_and_none_is_missing(real):
    seen: set[str] = set()
    for title, svg in real.items():
        own = re.findall(r'\bid="([^"]+)"', svg)
        assert len(set(own)) == len(own) and not seen & set(own), title
        wanted = {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)}
        assert wanted <= set(own), title
        seen |= set(own)


def test_plots_load_nothing_from_outside(real):
    for svg in real.values():
        for address in re.findall(r'(?:href|src)="([^"]+)"', svg):
            assert address.startswith(("#", "data:")), address


@pytest.mark.parametrize(
    ("table", "lost"),
    [
        ("likelihood", "Rate"),
        ("bitrate", "Rate"),
        ("alignment_example", "Units"),
        ("contingency", "Use"),
    ],
)
def test_a_plot_whose_data_is_not_there_is_left_out(tmp_path, table, lost):
    both = [hostile(tmp_path, "a"), hostile(tmp_path, "b")]
    rest = [
        replace(each, tables=[found for found in each.tables if found.id != table]) for each in both
    ]
    also = ("Labels",) if lost == "Use" else ()
    assert list(plotted(rest)) == [
        title for title in plotted(both) if not title.startswith((lost, *also))
    ]


def test_one_model_alone_has_no_rates_to_compare(tmp_path):
    assert "Rate and distortion" in plotted([hostile(tmp_path, "a"), hostile(tmp_path, "b")])
    assert "Rate and distortion" not in plotted([hostile(tmp_path, "a")])


def test_models_evaluated_on_other_data_are_not_compared(tmp_path):
    both = [hostile(tmp_path, "a"), hostile(tmp_path, "b")]
    other = replace(both[1], corpus={"fingerprint": "bad", "split": "validation"})
    assert "Rate and distortion" not in plotted([both[0], other])


def test_without_its_audio_there_is_no_example(tmp_path):
    result = hostile(tmp_path, "a")
    assert "Units and labels of an utterance" in plotted([result])
    (tmp_path / "example.wav").unlink()
    assert "Units and labels of an utterance" not in plotted([result])


def test_without_a_run_folder_there_are_no_curves(results):
    moved = replace(results[0], model={**results[0].model, "checkpoint": "gone.ckpt"})
    assert "Learning curves" not in plotted([moved])


def test_without_results_there_are_no_plots():
    assert plots([]) == [] and plots([small_result()]) == []


def test_hostile_labels_and_names_are_texts(tmp_path):
    found = plotted([hostile(tmp_path, HOSTILE), hostile(tmp_path, f"{HOSTILE} (2)")])
    assert len(found) == 5
    for title, svg in found.items():
        assert HOSTILE in texts(svg), title
        assert "<b>" not in svg, title


def test_a_label_in_another_script_is_no_warning(tmp_path):
    found = plotted([small_result(*counted([[3, 1], [1, 4]], [4, 5], ["語", "a"]))])
    assert any("語" in texts(svg) for svg in found.values())
