"""Locations of labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.labels import label_source, read_segments

GRID = '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "phones" 0 1 1 0 1 "aa"'
HEADER = "#file onset offset #phone\n"


def put(path: Path, text: str = "0 160 s\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def labels_of(source, key: str, path: Path) -> tuple[str | None, ...] | None:
    segments = source.of(key, path)
    return None if segments is None else segments.labels


def test_labels_are_found_beside_the_recording(tmp_path):
    put(tmp_path / "ann" / "x.phn")
    put(tmp_path / "ann" / "Y.PHN", "0 160 t\n")
    put(tmp_path / "ann" / "x.wrd", "0 160 so\n")
    source = label_source("beside", ".phn", "")
    assert labels_of(source, "ann/x.wav", tmp_path / "ann" / "x.wav") == ("s",)
    assert labels_of(source, "ann/Y.wav", tmp_path / "ann" / "Y.wav") == ("t",)
    assert labels_of(source, "ann/z.wav", tmp_path / "ann" / "z.wav") is None
    words = label_source("beside", ".wrd", "")
    assert labels_of(words, "ann/x.wav", tmp_path / "ann" / "x.wav") == ("so",)


def test_below_another_folder_by_the_recording_s_key(tmp_path):
    put(tmp_path / "aligned" / "ann" / "x.v1.TextGrid", GRID)
    source = label_source(str(tmp_path / "aligned"), ".TextGrid", "phones")
    anywhere = tmp_path / "elsewhere.flac"
    for key in ("ann/x.v1.flac", "ann/x.v1.flac#1"):
        assert labels_of(source, key, anywhere) == ("aa",)
    assert labels_of(source, "ann/x.flac", anywhere) is None


def test_in_an_item_file_below_more_folders_where_that_is_unique(tmp_path):
    path = put(tmp_path / "a.item", HEADER + "set/ann/x 0 1 s\nset/bob/x 0 1 t\nset/bob/y 0 1 u\n")
    source = label_source(str(path), ".phn", "")
    assert source.of("ann/x.wav", path).labels == ("s",)
    assert source.of("bob/y.wav", path).labels == ("u",)
    assert source.of("x.wav", path) is None, "the key has no speaker"


def test_in_an_item_file_by_key_or_by_its_last_part(tmp_path):
    path = put(tmp_path / "a.item", HEADER + "ann/x 0 1 s\ny 0 1 t\n")
    source = label_source(str(path), ".phn", "")
    assert labels_of(source, "ann/x.flac", path) == ("s",)
    assert labels_of(source, "84/121123/y.flac", path) == ("t",)
    assert labels_of(source, "84/121123/y.flac#0", path) == ("t",)  # the same recording
    assert labels_of(source, "ann/z.flac", path) is None
    with pytest.raises(UserError, match=r"a\.item: '#file' y may be 84/121123/y or bob/y"):
        source.of("bob/y.flac", path)


@pytest.mark.parametrize(
    ("place", "suffix", "message"),
    [
        ("beside", ".lab", r"'\.lab': use one of \.phn, \.wrd, \.TextGrid"),
        ("nowhere", ".phn", "nowhere: use 'beside', an existing folder, or an .item file"),
        ("nowhere.item", ".phn", "no item file nowhere.item"),
    ],
)
def test_a_place_without_labels_is_refused(place, suffix, message):
    with pytest.raises(UserError, match=message):
        label_source(place, suffix, "")


def test_a_file_of_another_kind_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"x\.lab: labels are read from"):
        read_segments(tmp_path / "x.lab")
