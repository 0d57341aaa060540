"""Label files and the label at a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.labels import UNLABELLED, label_at, phone_inventory, read_segments


def written(folder: Path, text: str) -> Path:
    path = folder / "a.phn"
    path.write_text(text)
    return path


def test_label_at_both_sides_of_each_boundary(tmp_path: Path) -> None:
    segments = read_segments(written(tmp_path, "100 300 s\n300 500 aa\n\n700 800 s\n"))
    inventory = phone_inventory([segments])
    assert inventory == ["aa", "s"]
    samples = np.array([0, 99, 100, 299, 300, 499, 500, 699, 700, 799, 800, 10_000])
    none, s, aa = UNLABELLED, 1, 0
    expected = [none, none, s, s, aa, aa, none, none, s, s, none, none]
    assert label_at(segments, samples, inventory).tolist() == expected


def test_samples_may_come_in_any_order_and_between_two(tmp_path: Path) -> None:
    segments = read_segments(written(tmp_path, "0 10 x\n10 20 y\n"))
    labels = label_at(segments, np.array([19.5, 9.5, 10.0]), ["y", "x"])
    assert labels.tolist() == [0, 1, 0]
    assert labels.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 10 a\n10 20\n", "line 2.*2 fields"),
        ("0 10 a b\n", "line 1.*4 fields"),
        ("0 10 a\n\n0.5 20 b\n", "line 3.*whole numbers"),
        ("0 10 a\n10 10 b\n", "line 2.*10 to 10"),
        ("-5 10 a\n", "line 1.*-5 to 10"),
        ("0 10 a\n9 20 b\n", "line 2.*begins at 9.*ends at 10"),
        ("\n", "no labels"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=rf"a\.phn.*{message}"):
        read_segments(written(tmp_path, text))


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"b\.phn"):
        read_segments(tmp_path / "b.phn")
    (tmp_path / "c.phn").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"c\.phn"):
        read_segments(tmp_path / "c.phn")


def test_a_phone_outside_of_the_inventory_is_an_error(tmp_path: Path) -> None:
    segments = read_segments(written(tmp_path, "0 10 zh\n"))
    with pytest.raises(UserError, match=r"a\.phn: the phone 'zh'.*Did you mean 'z'"):
        label_at(segments, np.array([1]), ["z", "aa"])
