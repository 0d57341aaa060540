"""Files that are read whole."""

from __future__ import annotations

import os

import pytest
import yaml

from wavenet_ae.errors import UserError
from wavenet_ae.reading import (
    fields_of,
    read_any_text,
    read_json,
    read_json_lines,
    read_text,
    read_yaml,
    shown,
)
from wavenet_ae.schema import Positive

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


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for a writer
    for name in ("nothing", ".", "pipe", "x\0y", "x" * 300):
        with pytest.raises(UserError, match="cannot be read: "):
            read_text(tmp_path / name)


def test_a_text_for_people_is_read_whatever_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"caf\xe9")
    assert read_any_text(tmp_path / "a") == "caf\ufffd"


def test_lines_of_json_are_numbered_as_an_editor_does(tmp_path):
    (tmp_path / "a").write_text('{"x": 1}\n\n[2]\n{')
    lines = read_json_lines(tmp_path / "a")
    assert [next(lines), next(lines)] == [(1, {"x": 1}), (3, [2])]
    with pytest.raises(UserError, match="a, line 4: not JSON"):
        next(lines)


def test_a_long_value_is_cut_off_in_an_error_message():
    assert len(shown("9" * 1000)) == 80
    assert shown("x") == "'x'"


def test_yaml_is_read_with_its_anchors(tmp_path):
    (tmp_path / "a.yaml").write_text("x: &x {y: 1.5}\nz: [*x, *x]\n")
    assert read_yaml(tmp_path / "a.yaml") == {"x": {"y": 1.5}, "z": [{"y": 1.5}] * 2}


def test_a_path_that_is_no_text_is_read_from_yaml_as_it_was_written(tmp_path):
    path = os.fsdecode(b"/data/caf\xe9/\xff \xc3\xa4")
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"root": path}))
    assert read_yaml(tmp_path / "a.yaml") == {"root": path}


LAUGHS = "a0: &a0 x\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [1", r"cannot be read as YAML: .*line 1, column"),
        ("a: 2001-99-99", "cannot be read as YAML: month must be in 1..12"),
        ("a: !!timestamp x", "cannot be read as YAML"),
        ("a: !!bool x", "cannot be read as YAML"),
        ("a: !!int ''", "cannot be read as YAML"),
        ("a: !!python/name:os.system ''", "cannot be read as YAML"),
        ("a: " + "9" * 5000, "cannot be read as YAML"),
        ("a: \0", "cannot be read as YAML"),
        ('a: "\\uD800"', "cannot be read as YAML"),  # half a character, which no byte stands for
        ('a: ["\\uDCFF", "\\uDFFF"]', "cannot be read as YAML"),
        ('a: &a ["\\uDCFF", *a]', "line 1: more than 200000 values"),
        ("- a\n- " + "[" * 10**5, "line 2: more than 64 levels"),
        ("- a\n" * 10**6, "line 200000: more than 200000 values"),
        (LAUGHS, "line 17: more than 200000 values"),
        ("a: &a [*a]", "line 1: more than 200000 values"),
    ],
)
def test_what_is_no_yaml_or_has_no_end_is_named_with_the_reason(tmp_path, content, message):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        read_yaml(tmp_path / "a.yaml")


SCHEMA = {"step": Positive, "name": str}


def test_fields_are_those_of_the_schema():
    assert fields_of({"step": 3, "name": "x", "more": 1}, SCHEMA, "a") == {"step": 3, "name": "x"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([3], r"^a, line 7: \[3\], where step, name are expected$"),
        ({"step": 3}, "^a, line 7: name is missing: it must be a text$"),
        ({"step": "3", "name": ""}, "^a, line 7: step is '3', but must be a whole number of at"),
        ({"step": 10**400, "name": ""}, r"^a, line 7: step is 1000\d+\.\.\., but must be a whole"),
        ({"step": 10**5000, "name": ""}, "^a, line 7: step is a number of thousands of digits,"),
        ({"step": True, "name": ""}, "^a, line 7: step is True"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_file_and_line(value, message):
    with pytest.raises(UserError, match=message):
        fields_of(value, SCHEMA, "a, line 7")
