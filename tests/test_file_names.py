"""Names of files that are made of other names."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavenet_ae.file_names import fitting, printable

NAMES = st.lists(
    st.text(st.characters(exclude_characters="/"), min_size=1, max_size=400), min_size=1
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ann/a b.é", "ann/a b.é"),
        ("a\tb\nc\rd\0", r"a\tb\nc\rd\x00"),
        ("a\udcff", r"a\xff"),
        ("a\u2028b\x85\ufeff", r"a\u2028b\x85\ufeff"),
        (r"a\tb", r"a\tb"),
    ],
)
def test_a_name_is_on_one_line_and_stays_so(name, shown):
    assert printable(name) == shown == printable(shown)


@given(NAMES.map("/".join))
def test_every_name_fits_with_its_suffix(name):
    name = name.encode(errors="ignore").decode()
    short = fitting(name, suffix_bytes=20)
    assert all(len(os.fsencode(part)) <= 235 for part in short.split("/"))
    assert fitting(short, suffix_bytes=20) == short and short.count("/") == name.count("/")


def test_long_names_stay_apart_and_short_ones_as_they_are():
    assert fitting("ann/" + "x" * 250) == "ann/" + "x" * 250
    one, other = fitting("x" * 251 + "/a"), fitting("x" * 252 + "/a")
    assert one != other and one.startswith("x" * 200) and one.endswith("/a")
