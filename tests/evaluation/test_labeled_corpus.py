"""Labels of a corpus: damaged ones are listed, those of another kind are mentioned."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

from wavenet_ae.audio.io import write
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import TableSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.labeled_corpus import (
    REJECTED,
    LabeledCorpus,
    find_labels,
    report_damaged,
)

GRID = '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "phones" 0 1 1 0 1 "aa"'
DAMAGED = {
    "cut off": (GRID[:60].encode(), "the file ends where"),
    "Latin-1": (GRID.replace("aa", "\xe9").encode("latin-1"), "is not UTF-8 text"),
    "another tier": (GRID.replace("phones", "phone").encode(), "There are: 'phone'"),
    "an overlap": (GRID.replace("1 0 1", '2 0 1 "b" 0.5 1').encode(), "by 0.5 s"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    "a huge number": (GRID.replace("1 0 1", "1 0 1e999").encode(), "then end"),
}


def labeled(folder: Path, files: dict[str, str | bytes], **config: Any) -> LabeledCorpus:
    """Labels of the recordings 0.wav to 7.wav, beside which these files lie."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    keys = [f"{number}.wav" for number in range(8)]
    corpus = MagicMock(keys=keys, recordings=keys, labels=[""] * len(keys))
    corpus.__len__.return_value = len(keys)
    paths = {key: folder / key for key in keys}
    return find_labels(corpus, paths, EvaluationConfig(tier="phones", **config))


def eight(**damaged: bytes) -> dict[str, str | bytes]:
    return {f"{number}.TextGrid": GRID for number in range(8)} | {
        f"{name[1:]}.TextGrid": content for name, content in damaged.items()
    }


@pytest.mark.parametrize("kind", DAMAGED)
def test_one_damaged_label_file_of_many_is_listed_and_left_out(tmp_path, caplog, kind):
    content, reason = DAMAGED[kind]
    found = labeled(tmp_path / "in", eight(_3=content), suffix=".TextGrid")
    assert list(found.rows) == [0, 1, 2, 4, 5, 6, 7] and found.inventory == ["aa"]
    report_damaged(found, tmp_path / "out", 0.2)
    assert "the labels of 1 of 8 recordings cannot be read" in caplog.text
    for text in (caplog.text, (tmp_path / "out" / REJECTED).read_text()):
        assert "3.TextGrid" in text and reason in text.replace('""', '"')


def test_too_many_damaged_label_files_are_an_error_that_names_them_all(tmp_path):
    bad = {f"_{number}": DAMAGED["cut off"][0] for number in range(3)}
    found = labeled(tmp_path / "in", eight(**bad), suffix=".TextGrid")
    report_damaged(found, tmp_path / "out", 0.4)
    with pytest.raises(
        UserError, match=r"(?s)3 of 8.*0\.Text.*1\.Text.*2\.Text.*max_rejected_labels"
    ):
        report_damaged(found, tmp_path / "out", 0.2)


def test_labels_that_are_all_damaged_are_an_error_at_any_limit(tmp_path):
    found = labeled(tmp_path / "in", {"0.TextGrid": b"no grid"}, suffix=".TextGrid")
    with pytest.raises(UserError, match="1 of 1"):
        report_damaged(found, tmp_path / "out", 1.0)


def test_a_list_of_damaged_labels_is_removed_when_they_are_mended(tmp_path):
    (tmp_path / REJECTED).write_text("of an earlier evaluation")
    report_damaged(labeled(tmp_path / "in", eight(), suffix=".TextGrid"), tmp_path, 0.2)
    assert not (tmp_path / REJECTED).exists()


@pytest.mark.parametrize("row", ["3 0.5 1e999 b", "3 x 1 b", "3 0.5", "3 0.5 1 b c d", "3 0.2 2 b"])
def test_one_damaged_row_of_an_item_file_costs_its_recording_alone(tmp_path, row):
    rows = [f"{number} 0 1 aa" for number in range(8)]
    text = "\n".join(["#file onset offset #phone", *rows, row])
    found = labeled(tmp_path / "in", {"all.item": text}, labels=str(tmp_path / "in" / "all.item"))
    assert list(found.rows) == [0, 1, 2, 4, 5, 6, 7]
    assert "all.item, line 10" in found.damaged["3.wav"]


def test_label_files_with_another_suffix_are_mentioned(tmp_path, caplog):
    found = labeled(tmp_path, eight())
    assert not found.rows
    assert found.other_labels() == (
        ".TextGrid files lie beside 8 of 8 recordings without labels: set suffix=.TextGrid"
    )
    some = labeled(tmp_path, {"0.phn": "0 160 s\n", "1.phn": "0 160 s\n"})
    assert len(some.rows) == 2
    assert ".TextGrid files lie beside 6 of 6 recordings without labels" in caplog.text


def test_empty_segments_are_counted_over_all_recordings(tmp_path):
    grid = GRID.replace("1 0 1", '3 0.2 0.2 "sp" 0.2 0.2 "sp" 0.2 1')
    found = labeled(tmp_path, {"0.TextGrid": grid, "1.TextGrid": grid}, suffix=".TextGrid")
    assert found.num_empty == 4
    assert [len(each.labels) for each in found.segments] == [1, 1]
    assert np.concatenate([each.begins for each in found.segments]).tolist() == [0.2, 0.2]


@pytest.mark.parametrize("is_listed", [True, False])
def test_labels_of_a_recording_that_is_cut_are_shifted_and_cut(tmp_path, is_listed):
    """A label is at the same sample of the recording, whichever piece holds it."""
    root, rate = tmp_path / "in", 8000
    noise = np.random.default_rng(0).integers(-9000, 9000, 4 * rate).astype(np.int16)
    write(root / "a.wav", noise, rate)
    # In samples at 16 kHz: b crosses the gap from 1.9 to 2 s, c begins at a sample of the piece.
    rows = "0 16000 a\n16000 40002 b\n40002 48000 c\n48000 64000 d\n"
    (root / "a.phn").write_text(rows)
    (root / "t.tsv").write_text("x\ta.wav\n")
    source = TableSource(str(root / "t.tsv"))
    corpus = PackedCorpus(pack(source, str(tmp_path / "cache"), rate, Splits(validation=0.5)))
    assert corpus.split.tolist() == ["train", "validation"]
    if not is_listed:
        corpus.labels = ["", ""]
    paths = {each.whole.key: each.path for each in source.recordings()}
    found = find_labels(corpus, paths, EvaluationConfig())
    assert list(found.rows) == [0, 1]
    train, validation = found.segments
    assert train.labels == ("a", "b") and validation.labels == ("b", "c", "d")
    assert train.begins.tolist() == [0.0, 1.0] and train.ends.tolist() == [1.0, 1.9]
    assert validation.begins.tolist() == [0.0, 4001 / rate, 1.0]
    assert validation.ends.tolist() == [4001 / rate, 1.0, 2.0]
    labels = [found.inventory[each] for each in found.at(1, np.array([0, 4000, 4001, 15999]))]
    assert labels == ["b", "b", "c", "d"]
