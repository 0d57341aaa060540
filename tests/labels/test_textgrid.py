"""TextGrids as Praat and forced aligners write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.labels import UNLABELED, label_at, read_textgrid

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 
xmax = 1.25 
tiers? <exists> 
size = 3 
item []: 
    item [1]:
        class = "IntervalTier" 
        name = "words" 
        xmin = 0 
        xmax = 1.25 
        intervals: size = 1 
        intervals [1]:
            xmin = 0 
            xmax = 1.25 
            text = "say ""item [2]"" = 7" 
    item [2]:
        class = "TextTier" 
        name = "bell" 
        xmin = 0 
        xmax = 1.25 
        points: size = 1 
        points [1]:
            number = 0.7 
            mark = "ding" 
    item [3]:
        class = "IntervalTier" 
        name = "phönes" 
        xmin = 0 
        xmax = 1.25 
        intervals: size = 4 
        intervals [1]:
            xmin = 0 
            xmax = 0.57 
            text = "" 
        intervals [2]:
            xmin = 0.57 
            xmax = 0.64 
            text = " eɪ " 
        intervals [3]:
            xmin = 0.64 
            xmax = 1 
            text = "s" 
        intervals [4]:
            xmin = 1 
            xmax = 1.25 
            text = "  " 
"""  # noqa: W291 (Praat ends lines with a space)

SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.25
<exists>
3
"IntervalTier"
"words"
0
1.25
1
0
1.25
"say ""item [2]"" = 7"
"TextTier"
"bell"
0
1.25
1
0.7
"ding"
"IntervalTier"
"phönes"
0
1.25
4
0
0.57
""
0.57
0.64
"eɪ"
0.64
1
"s"
1
1.25
""
"""


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "a.TextGrid"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text", [LONG, SHORT, LONG.replace("\n", "\r\n"), SHORT.replace("\n", " ")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_long_and_short_textgrids_are_read_in_each_encoding(tmp_path, text, encoding):
    segments = read_textgrid(written(tmp_path, text, encoding), "phönes")
    assert segments.begins.tolist() == [0.57, 0.64] and segments.ends.tolist() == [0.64, 1]
    assert segments.labels == ("eɪ", "s")


def test_utf16_of_either_byte_order(tmp_path):
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        path = tmp_path / "b.TextGrid"
        path.write_bytes(mark + LONG.encode(encoding))
        assert read_textgrid(path, "phönes").labels == ("eɪ", "s")


def test_text_may_hold_quotes_and_what_looks_like_structure(tmp_path):
    assert read_textgrid(written(tmp_path, LONG), "words").labels == ('say "item [2]" = 7',)


def test_intervals_without_text_are_unlabeled(tmp_path):
    segments = read_textgrid(written(tmp_path, LONG), "phönes")
    labels = label_at(segments, np.array([0, 0.569, 0.57, 0.64, 1.0]), ["eɪ", "s"])
    assert labels.tolist() == [UNLABELED, UNLABELED, 0, 1, UNLABELED]


def test_a_tier_without_any_text_is_unlabeled_throughout(tmp_path):
    text = SHORT.replace('"eɪ"', '""').replace('"s"', '""')
    segments = read_textgrid(written(tmp_path, text), "phönes")
    assert label_at(segments, np.array([0, 0.6]), []).tolist() == [UNLABELED] * 2


def test_the_only_tier_of_intervals_needs_no_name(tmp_path):
    text = SHORT.replace('"IntervalTier"\n"words"', '"TextTier"\n"words"').replace(
        '0\n1.25\n"say', '0\n"say'
    )
    assert read_textgrid(written(tmp_path, text)).labels == ("eɪ", "s")


@pytest.mark.parametrize("tier", ["phones", "bell", ""])
def test_another_tier_is_an_error_that_lists_those_there_are(tmp_path, tier):
    with pytest.raises(UserError, match=r"a\.TextGrid has .* There are: 'words', 'phönes'\."):
        read_textgrid(written(tmp_path, LONG), tier)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("xmax = 0.64", "xmax = 0.5", r"line 41: ' eɪ '.*then end"),
        ("xmin = 0.57", "xmin = zero", r"line 41: ' eɪ ' where a time"),
        ("xmin = 0.64", "xmin = 0.6", r"line 45: 's'.*before the segment above"),
        ('"ooTextFile"', '"ooBinaryFile"', r"line 1: it does not begin with 'ooTextFile'"),
        ('"TextGrid"', '"PitchTier"', r"line 2: it does not say 'TextGrid'"),
        ('"TextTier"', '"Tier"', r"line 20: a tier of class 'Tier'"),
        ("size = 4", "size = 5", r"line 49: the file ends where a time should be"),
        ("size = 4", "size = 1e999", r"line 33: inf where the number"),
        ("xmax = 0.64", "xmax = 1e999", r"line 41: ' eɪ '.*then end"),
        ("xmin = 0.57", "xmin = " + "9" * 400, r"line 41: ' eɪ '.*begin at 0"),
        ("size = 4", "size = 4.5", r"line 33: 4\.5 where the number"),
    ],
)
def test_errors_name_file_and_line(tmp_path, old, new, message):
    with pytest.raises(UserError, match=rf"a\.TextGrid, {message}"):
        read_textgrid(written(tmp_path, LONG.replace(old, new)), "phönes")


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(UserError, match=r"b\.TextGrid"):
        read_textgrid(tmp_path / "b.TextGrid")
    (tmp_path / "c.TextGrid").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(UserError, match=r"c\.TextGrid"):
        read_textgrid(tmp_path / "c.TextGrid")
