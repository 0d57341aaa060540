"""Label mappings as data, and the built-in ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.labels import (
    AS_THEY_ARE,
    EXCLUDED,
    UNLABELED,
    Segments,
    label_at,
    label_inventory,
    read_mapping,
)


def seconds_of(*labels: str) -> Segments:
    """A segment of a second each."""
    begins = np.arange(len(labels), dtype=np.float64)
    return Segments(begins, begins + 1, labels, Path("a.phn"))


def written(folder: Path, text: str) -> str:
    path = folder / "m.yaml"
    path.write_text(text)
    return str(path)


def test_labels_are_folded_left_out_and_counted_apart():
    mapped = read_mapping("timit39").mapped(seconds_of("ax-h", "q", "dcl"))
    assert mapped.labels == ("ah", None, "sil")
    assert label_inventory([mapped]) == ["ah", "sil"]
    labels = label_at(mapped, np.array([0.5, 1.5, 2.5, 3.5]), ["ah", "sil"])
    assert labels.tolist() == [0, EXCLUDED, 1, UNLABELED]


def test_timit_s_61_labels_become_39():
    table = read_mapping("timit39").table
    assert len(table) == 61
    assert len(set(table.values()) - {None}) == 39
    assert [label for label, to in table.items() if to is None] == ["q"]
    assert {to for label, to in table.items() if label.endswith("cl")} == {"sil"}
    # What counts is itself a label of TIMIT, but for silence, and maps to itself.
    assert all(table[to] == to for to in table.values() if to not in (None, "sil"))


def test_stress_is_stripped():
    mapping = read_mapping("cmudict39")
    assert mapping.mapped(seconds_of("AH0", "ZH", "IY1", "sil", "spn", "ah")).labels == (
        *("ah", "zh", "iy", "sil", None, "ah"),
    )
    assert len(set(mapping.table.values()) - {None}) == 40


def test_words_are_kept_but_for_silence():
    mapped = read_mapping("words").mapped(seconds_of("no", "<sil>", "Yes"))
    assert mapped.labels == ("no", None, "Yes")


def test_the_mapping_none_keeps_everything():
    assert read_mapping("none") is AS_THEY_ARE
    assert AS_THEY_ARE.mapped(seconds_of("h#", "q")).labels == ("h#", "q")


def test_a_label_that_the_table_lacks_is_named_with_file_and_nearest():
    with pytest.raises(UserError, match=r"a\.phn: the mapping timit39.*'axx'.*Did you mean 'ax'"):
        read_mapping("timit39").mapped(seconds_of("axx"))


def test_a_mapping_is_read_from_a_file(tmp_path):
    path = written(tmp_path, "name: mine\nothers: keep\ntable: {a: b, c: null}\n")
    assert read_mapping(path).mapped(seconds_of("a", "c", "d")).labels == ("b", None, "d")


def test_an_unknown_mapping_lists_those_there_are():
    with pytest.raises(UserError, match=r"no mapping of labels 'timit40'.*mean 'timit39'"):
        read_mapping("timit40")
    with pytest.raises(UserError, match=r"There are: cmudict39, none, timit39, words"):
        read_mapping("xyz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: m\ntable: {}\n", "name, others, table"),
        ("[1, 2]\n", "name, others, table"),
        ("name: m\nothers: drop\ntable: {}\n", "'drop': use error or keep"),
        ("name: m\nothers: keep\ntable: 3\n", "table must be"),
        ("name: m\nothers: keep\ntable: {no: a}\n", "False in the table is not a text: quote it"),
        ("name: m\nothers: keep\ntable: {a: 1}\n", "1 in the table is not a text"),
        ("name: m\nothers: keep\ntable: {null: a}\n", "None in the table is not a text"),
        ("name: {m\n", "cannot be read as YAML: .* line 2"),
    ],
)
def test_an_invalid_mapping_is_an_error(tmp_path, text, message):
    with pytest.raises(UserError, match=rf"m\.yaml.*{message}"):
        read_mapping(written(tmp_path, text))
