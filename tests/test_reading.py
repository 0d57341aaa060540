"""Files that are read whole."""

from __future__ import annotations

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.reading import read_json, read_json_lines, read_text, shown

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_read_in_any_unicode_encoding(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes('"ooTextFile" \u025b'.encode(encoding))
    assert read_text(tmp_path / "a.txt") == '"ooTextFile" \u025b'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9", r"a\.json is not UTF-8 text \(.* at byte 3\): save it as UTF-8"),
        (POINTER.encode(), r"a\.json is a Git LFS pointer.*git lfs pull"),
        (b"{", r"a\.json: not JSON"),
        (b"[" * 10**5, r"a\.json: not JSON"),
        (b"9" * 5000, r"a\.json: not JSON"),
    ],
)
def test_what_is_no_json_is_named_with_the_reason(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_json(tmp_path / "a.json")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for name in ("nothing", "."):
        with pytest.raises(UserError, match="cannot be read: "):
            read_text(tmp_path / name)


def test_lines_of_json_are_numbered_as_an_editor_does(tmp_path):
    (tmp_path / "a").write_text('{"x": 1}\n\n[2]\n{')
    lines = read_json_lines(tmp_path / "a")
    assert [next(lines), next(lines)] == [(1, {"x": 1}), (3, [2])]
    with pytest.raises(UserError, match="a, line 4: not JSON"):
        next(lines)


def test_a_long_value_is_cut_off_in_an_error_message():
    assert len(shown("9" * 1000)) == 80
    assert shown("x") == "'x'"
