"""A control that cannot be measured is noted, not silently left out."""

from __future__ import annotations

from pathlib import Path

from helpers.evaluated import data, evaluated, table
from helpers.small_models import recordings

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
