"""A control that cannot be measured is noted, not silently left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.evaluated import data, evaluated, table
from helpers.small_models import recordings

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.report.prose import about

SHORT = {"num_utterances": 1, "max_seconds": 0.1}


def test_a_single_utterance_has_no_control(cache, tmp_path):
    found = table(evaluated(tmp_path, cache, "reconstruction", **SHORT), "reconstruction")
    assert {row["kind"] for row in found.rows} == {"reconstructed", "quantized"}
    assert list(found.notes) == ["one_utterance", "no_conversion"]
    assert "Nothing is converted" in about(found)
    of_two = SHORT | {"num_utterances": 2}
    two = table(evaluated(tmp_path, cache, "reconstruction", **of_two), "reconstruction")
    assert "shuffled_codes" in {row["kind"] for row in two.rows}
    assert "one_utterance" not in two.notes


def notes_of_ablations(folder: Path, cache: Path, *names: str) -> list[str]:
    """With recordings of more than one window each."""
    root = recordings(folder / "recordings", dict.fromkeys(names, 6_000))
    source = {"_target_": "wavenet_ae.data.sources.FolderSource", "root": str(root)}
    result = evaluated(folder, cache, "likelihood", data=data(cache) | {"source": source})
    return list(table(result, "ablations").notes)


def test_controls_of_one_utterance_and_of_speakers_that_are_not_known(cache, tmp_path):
    notes = notes_of_ablations(tmp_path / "one", cache, "zoe/a.wav")
    assert notes == ["one_utterance_shuffled", "no_known_speaker"]
    assert notes_of_ablations(tmp_path / "two", cache, "ann/a.wav", "bob/b.wav") == []


def probed(folder: Path, cache: Path, *names: str) -> tuple[str, list[str]]:
    """What is said of the probes of recordings with the phones a and b, and the notes."""
    root = recordings(folder / "recordings", dict.fromkeys(names, 6_000))
    for name in names:
        (root / name).with_suffix(".phn").write_text("0 6000 a\n6000 12000 b\n")
    source = {"_target_": "wavenet_ae.data.sources.FolderSource", "root": str(root)}
    node = data(cache) | {"source": source}
    result = evaluated(folder, cache, "probing", data=node, probe_seeds=1, probe_frames=200)
    found = table(result, "probing")
    return about(found), list(found.notes)


def test_what_is_said_of_probes_is_what_they_did(cache, tmp_path):
    by_utterance = "Probes of phones are tested on other utterances than they were trained on."
    by_speaker = by_utterance.replace("utterances", "speakers")
    text, notes = probed(tmp_path / "one", cache, "ann/a.wav", "ann/b.wav")
    assert notes == ["no_speaker_probe"]
    assert by_utterance in text and by_speaker not in text and "Probes of speakers" not in text
    text, notes = probed(tmp_path / "two", cache, "ann/a.wav", "bob/b.wav")
    assert notes == ["no_speaker_probe"]
    assert by_speaker in text and by_utterance not in text


def test_probes_that_were_asked_for_and_are_not_possible_are_an_error(cache, tmp_path):
    root = recordings(tmp_path / "recordings", {"ann/a.wav": 6_000, "bob/b.wav": 6_000})
    source = {"_target_": "wavenet_ae.data.sources.FolderSource", "root": str(root)}
    with pytest.raises(UserError, match="metrics has probing, but there are too few utterances of"):
        evaluated(tmp_path, cache, "probing", data=data(cache) | {"source": source})


def test_labels_of_another_kind_are_named_where_there_is_nothing_to_probe(cache, tmp_path):
    root = recordings(tmp_path / "recordings", {"ann/a.wav": 6_000, "bob/b.wav": 6_000})
    grid = '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "phones" 0 1 1 0 1 "aa"'
    for name in ("ann/a", "bob/b"):
        (root / f"{name}.TextGrid").write_text(grid)
    source = {"_target_": "wavenet_ae.data.sources.FolderSource", "root": str(root)}
    with pytest.raises(UserError, match="metrics has probing") as caught:
        evaluated(tmp_path, cache, "probing", data=data(cache) | {"source": source})
    assert (
        "TextGrid files lie beside 2 of 2 recordings without labels: set suffix=.TextGrid, "
        "evaluate on other recordings, or remove probing from metrics"
    ) in str(caught.value)
