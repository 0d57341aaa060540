"""Segments of a recording, TIMIT's files, and the label at an instant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.configs import small

from wavenet_ae.errors import UserError
from wavenet_ae.labels import (
    LABEL_RATE,
    UNLABELED,
    DamagedLabels,
    Segments,
    items_by_file,
    label_at,
    label_inventory,
    read_phn,
    read_segments,
    read_wrd,
    segments_of_items,
)
from wavenet_ae.metrics.representations import encode_with_anchors
from wavenet_ae.models import build


def written(folder: Path, text: str, name: str = "a.phn") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_label_at_both_sides_of_each_boundary(tmp_path):
    segments = read_phn(written(tmp_path, "100 300 s\n300 500 aa\n\n700 800 s\n"))
    inventory = label_inventory([segments])
    assert inventory == ["aa", "s"]
    samples = np.array([0, 99, 100, 299, 300, 499, 500, 699, 700, 799, 800, 10_000])
    none, s, aa = UNLABELED, 1, 0
    expected = [none, none, s, s, aa, aa, none, none, s, s, none, none]
    assert label_at(segments, samples / LABEL_RATE, inventory).tolist() == expected


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_boundaries_are_exact_at_any_rate(tmp_path, rate):
    """A code on a boundary belongs to what begins there, and one a sample before it does not."""
    every = np.arange(1, 30 * rate, 997)
    on_both_grids = every[(every * LABEL_RATE) % rate == 0]
    assert len(on_both_grids) > 1
    for sample in on_both_grids[:200]:
        boundary = sample * LABEL_RATE // rate
        segments = read_phn(written(tmp_path, f"0 {boundary} a\n{boundary} 999999999 b\n"))
        instants = np.array([sample - 1, sample, sample + 1]) / rate
        assert label_at(segments, instants, ["a", "b"]).tolist() == [0, 1, 1]


def test_instants_may_come_in_any_order(tmp_path):
    segments = read_phn(written(tmp_path, "0 10 x\n10 20 y\n"))
    labels = label_at(segments, np.array([19.5, 9.5, 10.0]) / LABEL_RATE, ["y", "x"])
    assert labels.tolist() == [0, 1, 0]
    assert labels.dtype == np.int64


def test_labels_at_the_codes_of_a_model(tmp_path):
    """Known boundaries: on the anchor of a code, and one label sample behind it."""
    torch.manual_seed(0)
    model = build(small("vqvae_ema"), ["a"]).eval()
    encoded = encode_with_anchors(model, torch.zeros(8000, dtype=torch.int16))
    boundary = int(encoded.anchors[20] * LABEL_RATE / model.sample_rate)
    for late in (0, 1):
        text = f"0 {boundary + late} a\n{boundary + late} 16000 b\n"
        segments = read_phn(written(tmp_path, text))
        labels = label_at(segments, encoded.anchors / model.sample_rate, ["a", "b"])
        assert labels.tolist() == [0] * (20 + late) + [1] * (len(labels) - 20 - late)


def test_codes_change_around_where_the_sound_does():
    """What only differs before, or only after, an instant gives codes' vectors that differ as far
    behind it as before it: their anchors are the middles of their receptive fields."""
    torch.manual_seed(0)
    model = build(small("identity"), ["a"]).eval()
    first, second = torch.randint(-3000, 3000, (2, 8000), dtype=torch.int16)
    boundary = 4000
    differs = []
    for mixed in (
        torch.cat([second[:boundary], first[boundary:]]),
        torch.cat([first[:boundary], second[boundary:]]),
    ):
        one, other = (encode_with_anchors(model, each) for each in (first, mixed))
        differs.append(one.anchors[(one.vectors != other.vectors).any(axis=1)])
    before, behind = differs[0].max() - boundary, boundary - differs[1].min()
    assert abs(before - behind) <= model.hop


def test_words_that_share_a_sound_count_for_the_later_one(tmp_path):
    text = "0 160 she\n160 320 had\n300 480 your\n"
    segments = read_wrd(written(tmp_path, text, "a.wrd"))
    labels = label_at(segments, np.array([299, 300, 319, 320]) / LABEL_RATE, ["had", "your", "she"])
    assert labels.tolist() == [0, 1, 1, 1]
    with pytest.raises(UserError, match=r"a\.wrd, line 2.*before the segment above"):
        read_wrd(written(tmp_path, "100 160 she\n90 320 had\n", "a.wrd"))


GRID = '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "phones" 0 1 {} {}'
READERS = {
    "a.TextGrid": lambda rows: GRID.format(
        len(rows), " ".join(f'{begin!r} {end!r} "{label}"' for begin, end, label in rows)
    ),
    "a.item": lambda rows: (
        "#file onset offset #phone\n"
        + "".join(f"a {begin!r} {end!r} {label}\n" for begin, end, label in rows)
    ),
    "a.phn": lambda rows: _in_samples(rows),
    "a.wrd": lambda rows: _in_samples(rows),
}


def _in_samples(rows) -> str:
    return "".join(f"{round(a * 16000)} {round(b * 16000)} {label}\n" for a, b, label in rows)


def read_rows(folder: Path, name: str, rows: list[tuple[float, float, str]]) -> Segments:
    path = written(folder, READERS[name](rows), name)
    if name.endswith(".item"):
        return segments_of_items(items_by_file(path)["a"], path)
    return read_segments(path)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("miss", [5.6e-17, -5.6e-17, 1e-4, -1e-4])
def test_an_end_that_misses_the_next_begin_by_a_rounding_step_is_that_begin(tmp_path, name, miss):
    segments = read_rows(tmp_path, name, [(0.1, 0.41 + miss, "a"), (0.41, 0.6, "b")])
    assert segments.labels == ("a", "b")
    assert segments.ends[0] == segments.begins[1] == 0.41


@pytest.mark.parametrize("name", READERS)
def test_a_real_overlap_is_refused_with_its_length_but_of_words_which_share_sounds(tmp_path, name):
    rows = [(0.1, 0.45, "a"), (0.41, 0.6, "b")]
    if name == "a.wrd":
        assert read_rows(tmp_path, name, rows).ends.tolist() == [0.41, 0.6]
        return
    with pytest.raises(DamagedLabels, match=r"has ended, by 0\.04 s"):
        read_rows(tmp_path, name, rows)


@pytest.mark.parametrize("name", READERS)
def test_segments_of_no_length_are_left_out_and_counted(tmp_path, name):
    rows = [(0.0, 0.0, "sil"), (0.1, 0.41, "a"), (0.41, 0.41, "sp"), (0.41, 0.6, "b")]
    segments = read_rows(tmp_path, name, [*rows, (0.6, 0.6, "sp")])
    assert (segments.labels, segments.num_empty) == (("a", "b"), 3)
    assert segments.ends[0] == segments.begins[1] == 0.41


def test_a_segment_that_begins_a_rounding_step_before_the_recording_begins_with_it(tmp_path):
    segments = read_rows(tmp_path, "a.TextGrid", [(-1e-17, 0.5, "a")])
    assert segments.begins.tolist() == [0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 10 a\n10 20\n", "line 2.*2 fields"),
        ("0 10 a b\n", "line 1.*4 fields"),
        ("0 10 a\n\n0.5 20 b\n", "line 3.*whole numbers"),
        ("0 100 a\n100 50 b\n", "line 2: '100 50 b'.*and then end"),
        ("-500 10 a\n", "line 1: '-500 10 a'.*begin at 0"),
        ("0 400 a\n240 500 b\n", "line 2: .*before the segment above it has ended, by 0.01 s"),
        (f"0 {'9' * 400} a\n", "line 1.*whole numbers"),
        (f"0 {'9' * 5000} a\n", "line 1.*whole numbers"),
        ("0 1e999 a\n", "line 1.*whole numbers"),
        ("\n", "no labels"),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, message):
    with pytest.raises(UserError, match=rf"a\.phn.*{message}"):
        read_phn(written(tmp_path, text))


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(UserError, match=r"b\.phn"):
        read_phn(tmp_path / "b.phn")
    (tmp_path / "c.phn").write_bytes(b"0 10 \xe9\n")
    with pytest.raises(UserError, match=r"c\.phn is not UTF-8 text \(.*byte 5\): save it as UTF-8"):
        read_phn(tmp_path / "c.phn")


def test_a_label_outside_of_the_inventory_is_an_error(tmp_path):
    segments = read_phn(written(tmp_path, "0 10 zh\n"))
    with pytest.raises(UserError, match=r"a\.phn: the label 'zh'.*Did you mean 'z'"):
        label_at(segments, np.array([1.0]), ["z", "aa"])
