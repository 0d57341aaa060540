"""The utterance that is shown: which it is, and what stands where in it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from helpers.small_evaluations import evaluated

from wavenet_ae.evaluation.alignment_example import choose_utterance, label_spans, unit_spans
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.evaluation.report.plot_data import unit_tables
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.labels import Segments


def test_a_unit_lasts_from_midway_to_midway():
    units, anchors = np.array([4, 4, 7, 4]), np.array([0, 100, 200, 300]) - 0.5
    assert list(unit_spans(units, anchors, 1000, 0.5)) == [
        ("4", 0.0, 0.15),
        ("7", 0.15, 0.25),
        ("4", 0.25, 0.5),
    ]
    assert list(unit_spans(units, anchors, 1000, 0.2))[1:] == [("7", 0.15, 0.2)], "cut at the end"
    assert list(unit_spans(np.array([3]), anchors[:1], 1000, 0.1)) == [("3", 0.0, 0.1)]


def test_labels_that_count_are_shown_up_to_the_end():
    begins, ends = np.array([0.0, 0.2, 0.4, 0.9]), np.array([0.2, 0.4, 0.8, 1.0])
    segments = Segments(begins, ends, ("a", None, "b", "c"), Path("a.phn"))
    assert list(label_spans(segments, 0.5)) == [("a", 0.0, 0.2), ("b", 0.4, 0.5)]


@pytest.mark.parametrize(
    ("splits", "seconds", "row"),
    [
        (["train", "validation", "validation"], [3, 9, 4], 2),  # of a few seconds
        (["train", "validation", "train"], [3, 9, 4], 1),  # of the validation split
        (["test", "test", "test"], [1, 3, 4], 1),  # the first
        (["test", "test", "test"], [1, 8, 9], 0),
    ],
)
def test_a_validation_utterance_of_a_few_seconds_is_chosen(splits, seconds, row):
    corpus = SimpleNamespace(
        split=np.array(splits), length=1000 * np.array(seconds), sample_rate=1000
    )
    assert choose_utterance(LabeledCorpus(corpus, [0, 1, 2], [], [], 0)) == row


@pytest.mark.parametrize("kind", ["rvq", "ae"])
def test_units_and_audio_of_an_evaluation(tmp_path, kind):
    result = EvaluationResult.load(evaluated(tmp_path, kind, tmp_path, ["units"]))
    found = result.table("alignment_example")
    samples, rate = soundfile.read(result.folder / found.metadata["file"])
    codebooks = {row["codebook"] for row in found.rows if row["kind"] == "units"}
    assert codebooks == ({0, 1, 2} if kind == "rvq" else {0})
    for codebook in codebooks:
        own = [row for row in found.rows if row["codebook"] == codebook]
        ends = [row["end_seconds"] for row in own]
        assert [row["start_seconds"] for row in own] == [0.0, *ends[:-1]]
        assert ends[-1] == len(samples) / rate <= 5
    assert any(row["kind"] == "labels" and row["label"] == "sil" for row in found.rows)
    own, *_, baseline = unit_tables(result)
    assert own.frames.sum() == own.num_frames == baseline.num_frames
    quality = result.table("units").rows[0]
    without = quality["num_unlabeled"] + quality["num_excluded"]
    assert own.num_frames == quality["num_frames"] + without
    assert quality["num_frames"] == own.labeled.sum() and quality["num_units"] == own.num_units
    assert quality["num_used"] == (own.labeled > 0).sum()
