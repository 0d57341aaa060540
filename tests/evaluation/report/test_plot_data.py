"""What plots show: known counts give known shares and orders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.small_evaluations import counted, hostile, rows, small_result

from wavenet_ae.evaluation.report.plot_data import (
    comparable_series,
    examples,
    rate_and_distortion,
    shares_of,
    unit_bands,
    unit_tables,
)
from wavenet_ae.plotting.alignment import Interval
from wavenet_ae.plotting.series import Run

#         a  e  s
COUNTS = [
    [1, 2, 1],  # e
    [0, 0, 0],  # never
    [0, 1, 9],  # s
    [2, 6, 0],  # e, more clearly
    [1, 0, 0],  # a
]


def table():
    found = small_result(*counted(COUNTS, [4, 0, 10, 8, 2], ["a", "e", "s"]))
    return unit_tables(found)[0]


def test_a_table_of_counts_is_read_as_it_was_written():
    own, baseline = unit_tables(small_result(*counted(COUNTS, [4, 0, 10, 8, 2], ["a", "e", "s"])))
    assert (own.kind, baseline.kind) == ("codes", "k-means on MFCC")
    assert (own.num_units, own.num_used, own.num_frames) == (5, 4, 24)
    assert own.counts.tolist() == COUNTS and own.frames.tolist() == [4, 0, 10, 8, 2]
    assert own.labeled.tolist() == [4, 0, 10, 8, 1] and list(own.labels) == ["a", "e", "s"]


def test_shares_are_of_all_frames_and_of_the_units_that_occur():
    assert sorted(table().shares) == pytest.approx([2 / 24, 4 / 24, 8 / 24, 10 / 24])


def test_units_of_one_label_stand_together():
    found = shares_of(table())
    assert found.labels == ["s", "e", "a"], "most frequent first"
    assert found.units.tolist() == [2, 3, 0, 4], "by label, the clearest first; none that never was"
    assert found.shares == pytest.approx(
        np.array([[0.9, 0, 0.25, 0], [0.1, 0.75, 0.5, 0], [0, 0.25, 0.25, 1]])
    )


def test_of_many_units_the_most_frequent_are_plotted():
    counts = [[1 + unit % 150, 0] for unit in range(150)]
    found = shares_of(unit_tables(small_result(*counted(counts, [151] * 150, ["a", "b"])))[0])
    assert sorted(found.units.tolist()) == list(range(22, 150))


def rated(name: str, nll: float | None, *rates: tuple[str, float], **model):
    result = small_result(
        rows("likelihood", {"samples": "all", "nll": nll}),
        rows(
            "reconstruction",
            {"kind": "quantized", "lsd_db": 1.0},
            {"kind": "reconstructed", "mcd_db": None},
        ),
        rows("bitrate", *({"estimate": rate, "bits_per_second": bits} for rate, bits in rates)),
        name=name,
    )
    return replace(result, model={**result.model, **model})


def test_a_rate_is_the_entropy_of_codes_or_the_kl():
    codes = (("speaker", 1.0), ("nominal", 350.0), ("unigram", 340.0), ("run_length", 299.0))
    series = rate_and_distortion(rated("a", 2.5, *codes))
    assert series.nominal_rate == 350.0
    assert series.runs == [Run({"nll": 2.5}, used_rate=340.0)]
    vae = rate_and_distortion(rated("b", None, ("speaker", 1.0), ("kl", 812.0)))
    assert (vae.runs, vae.nominal_rate) == ([Run({}, used_rate=812.0)], None)
    assert not rate_and_distortion(rated("c", 2.5, ("speaker", 1.0))).has_rate


def test_an_unmeasured_rate_is_not_the_same_as_no_rate():
    unmeasured = replace(rated("a", 2.5), tables=rated("a", 2.5).tables[:1])
    assert rate_and_distortion(unmeasured) is None
    without_codes = replace(unmeasured, model={"name": "a", "checkpoint": "a.ckpt"})
    assert not rate_and_distortion(without_codes).has_rate


def test_only_models_on_the_same_utterances_are_compared():
    some = [rated("a", 2.5), rated("b", 2.4), rated("c", 2.3)]
    some[1] = replace(some[1], corpus={**some[1].corpus, "split": "train"})
    groups = [[each.name for each in group] for group in comparable_series(some)]
    assert groups == [["a", "c"], ["b"]]


def test_models_share_an_example_of_the_same_utterance(tmp_path):
    both = [hostile(tmp_path, "a"), hostile(tmp_path, "b")]
    (shared,) = examples(both)
    assert [band.name for band in shared.units] == ["a", "b"] and shared.seconds == 1
    other = replace(both[1], corpus={"fingerprint": "bad", "split": "validation"})
    assert [[band.name for band in each.units] for each in examples([both[0], other])] == [
        ["units"],
        ["units"],
    ]


def test_each_codebook_has_a_band():
    span = {"kind": "units", "start_seconds": 0.0, "end_seconds": 0.5}
    some = [{**span, "codebook": book, "label": str(3 + book)} for book in (0, 1)]
    first, second = unit_bands(some, "rvq")
    assert (first.name, second.name) == ("rvq 1", "rvq 2")
    assert second.intervals == [Interval("4", 0.0, 0.5)]
    assert [band.name for band in unit_bands(some, "")] == ["codebook 1", "codebook 2"]


def test_an_interval_is_cut_where_a_line_ends():
    whole = Interval("a", 0.5, 1.5)
    assert whole.overlaps(1, 2) and not whole.overlaps(1.5, 2) and not whole.overlaps(0, 0.5)
    assert whole.within(1, 2) == Interval("a", 1, 1.5)
    assert whole.within(0, 1) == Interval("a", 0.5, 1)
