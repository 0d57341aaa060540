"""What cannot be had is said, not silently left out."""

from __future__ import annotations

from pathlib import Path

from helpers.evaluated import data, judged, table
from helpers.small_models import recordings

SHORT = {"sounds": 1, "seconds": 0.1}


def test_a_sound_by_itself_has_no_control(cache, tmp_path):
    found = table(judged(tmp_path, cache, "sounds", **SHORT), "sounds")
    assert {row["sound"] for row in found.rows} == {"reconstruction", "mu-law alone"}
    assert "no control" in found.about and "Nothing is converted" in found.about
    two = table(judged(tmp_path, cache, "sounds", **SHORT | {"sounds": 2}), "sounds")
    assert "another utterance's codes" in {row["sound"] for row in two.rows}
    assert "no control" not in two.about


def about_likelihood(folder: Path, cache: Path, *names: str) -> str:
    """Of recordings of more than one window each."""
    root = recordings(folder / "recordings", dict.fromkeys(names, 6_000))
    source = {"_target_": "wavenet_ae.data.sources.FolderSource", "root": str(root)}
    evaluation = judged(folder, cache, "likelihood", data=data(cache) | {"source": source})
    return table(evaluation, "likelihood").about


def test_controls_of_one_utterance_and_of_speakers_that_are_not_known(cache, tmp_path):
    about = about_likelihood(tmp_path / "one", cache, "zoe/a.wav")
    assert "another item's codes are those of another moment of it" in about
    assert "The model knows none of the speakers" in about
    about = about_likelihood(tmp_path / "two", cache, "ann/a.wav", "bob/b.wav")
    assert "another moment" not in about and "knows none" not in about
