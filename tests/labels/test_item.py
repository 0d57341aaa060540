"""Labels from item files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.labels import (
    UNLABELED,
    Segments,
    items_by_file,
    label_at,
    read_item_file,
    read_phn,
    segments_of_items,
)

HEADER = "#file onset offset #phone prev-phone next-phone speaker\n"
ITEMS = HEADER + "a/x 0.5700 0.6400 eh dh r a\nb/y 0.1 0.2 t s ih b\na/x 0.2 0.57 dh s eh a\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "a.item"
    path.write_text(text)
    return path


def item_segments(path: Path) -> dict[str, Segments]:
    return {name: segments_of_items(each, path) for name, each in items_by_file(path).items()}


def test_each_recording_has_its_phones_in_order_of_time(tmp_path):
    segments = item_segments(written(tmp_path, ITEMS))
    assert segments["a/x"].labels == ("dh", "eh") and segments["b/y"].labels == ("t",)
    labels = label_at(segments["a/x"], np.array([0.1999, 0.2, 0.57, 0.64]), ["dh", "eh"])
    assert labels.tolist() == [UNLABELED, 0, 1, UNLABELED]


def test_the_same_phones_in_samples_and_in_seconds_are_the_same(tmp_path):
    """0.57 s is sample 9120 in either format."""
    (tmp_path / "x.phn").write_text("3200 9120 dh\n9120 10240 eh\n")
    in_samples = read_phn(tmp_path / "x.phn")
    in_seconds = item_segments(written(tmp_path, ITEMS))["a/x"]
    np.testing.assert_array_equal(in_samples.begins, in_seconds.begins)
    np.testing.assert_array_equal(in_samples.ends, in_seconds.ends)


def test_columns_may_come_in_another_order(tmp_path):
    text = "speaker #phone #file offset onset\nann eh a/x 0.64 0.57\n"
    (item,) = read_item_file(written(tmp_path, text))
    assert (item.file, item.row().begin, item.row().end) == ("a/x", 0.57, 0.64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1.*#file, onset, offset, #phone"),
        ("#file onset #phone\n", "line 1.*columns offset"),
        (HEADER + "a 0 1 x y z s\n\na 1 2 x y\n", "line 4: 5 fields under 7 columns"),
        (HEADER + "a 0 one x y z s\n", r"line 2: .*seconds, not \['0', 'one'\]"),
        (HEADER + "a 1 0.5 x y z s\n", "line 2: '1 0.5 x'.*then end"),
        (HEADER + "a 1 inf x y z s\n", "line 2: '1 inf x'.*then end"),
        (HEADER + "a 0 1e999 x y z s\n", "line 2: '0 1e999 x'.*then end"),
        (HEADER + "a nan 1 x y z s\n", "line 2: 'nan 1 x'.*then end"),
        (HEADER + "a 0 1 x y z s\na 0.5 1.5 y x z s\n", "line 3: .*items of triphones overlap"),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, message):
    with pytest.raises(UserError, match=rf"a\.item, {message}"):
        item_segments(written(tmp_path, text))


def test_segments_are_of_one_recording_only(tmp_path):
    text = HEADER + "a 0 1 x y z s\nb 0.5 1.5 y x z s\n"
    assert set(item_segments(written(tmp_path, text))) == {"a", "b"}
