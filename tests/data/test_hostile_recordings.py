"""Damaged files among good ones are packed, or reported in a warning and skipped."""

from __future__ import annotations

import csv
import logging
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.hostile import APPLE_DOUBLE, RATE, REJECTED, USABLE, VOICES

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource, TableSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "recordings"
    content = {name: each.content for name, each in (USABLE | REJECTED).items()}
    ignored = {"._400 samples.wav": APPLE_DOUBLE, "folder.wav/keep.txt": b"x", "notes.txt": b"x"}
    for name, data in (content | ignored).items():
        path = folder / "speaker" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def packed(source, tmp_path: Path, **settings) -> PackedCorpus:
    cache = str(tmp_path / "cache")
    return PackedCorpus(pack(source, cache, RATE, Splits(validation=0.3), **settings))


def rejected(corpus: PackedCorpus) -> dict[str, str]:
    with (corpus.folder.parent / "rejected.tsv").open(encoding="utf-8") as file:
        return {row["utterance"]: row["reason"] for row in csv.DictReader(file, delimiter="\t")}


def test_a_folder_is_scanned_for_what_is_a_recording(root, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    corpus = packed(FolderSource(str(root)), tmp_path, max_rejected=1.0)
    names = [key.removeprefix("speaker/") for key in corpus.keys]
    lengths = dict(zip(names, corpus.length.tolist(), strict=True))
    assert set(lengths) == set(USABLE), "a/same.wav and b/same.wav are two"
    assert all(abs(lengths[name] - each.length) <= 16 for name, each in USABLE.items())
    reasons = {key.removeprefix("speaker/"): text for key, text in rejected(corpus).items()}
    assert set(reasons) == set(REJECTED)
    assert all(re.fullmatch(each.reason, reasons[name]) for name, each in REJECTED.items())
    number, total = len(REJECTED), len(REJECTED) + len(USABLE)
    assert f"{number} of {total} recordings cannot be used, see {tmp_path}" in caplog.text
    assert f"1 of {total} recordings: the mean of their channels" in caplog.text
    assert f"1 of {total} recordings go beyond full scale: clipped" in caplog.text


def test_by_default_so_many_are_an_error_that_shows_file_reason_and_remedy(root, tmp_path):
    with pytest.raises(UserError) as caught:
        packed(FolderSource(str(root)), tmp_path)
    text = str(caught.value)
    assert "\n  speaker/1 Hz.wav: its header says 1 Hz, but 1000 to 768000 Hz are accepted:" in text
    assert "Fix or remove them, or allow more: data.max_rejected=0.02" in text


def test_a_table_may_name_what_a_scan_passes_over_and_is_told(root, tmp_path):
    """Without a good one among them, all of it is an error, whatever is allowed."""
    names = ["._400 samples.wav", "folder.wav", "gone.wav", "notes.txt"]
    good = tmp_path / "table.tsv"
    lines = [f"ann\trecordings/speaker/{name}" for name in [*names, *list(USABLE)[:3]]]
    good.write_text("\n".join(lines), encoding="utf-8")
    corpus = packed(TableSource(str(good)), tmp_path, max_rejected=0.9)
    assert len(corpus) == 3
    reasons = rejected(corpus)
    assert set(reasons) == {f"recordings/speaker/{name}" for name in names}
    for name, reason in (
        ("folder.wav", "unreadable: Is a directory. Fix the path"),
        ("gone.wav", "unreadable: No such file or directory. Fix the path"),
        ("notes.txt", "unreadable: Format not recogni[sz]ed. Convert it to WAV or FLAC"),
        ("._400 samples.wav", "unreadable: Format not recogni[sz]ed. Convert it to WAV or FLAC"),
    ):
        assert re.match(reason, reasons[f"recordings/speaker/{name}"])


def test_two_speakers_of_one_stereo_file_become_two_recordings(root, tmp_path):
    (tmp_path / "table.tsv").write_text(
        "speaker\tpath\tsplit\tchannel\n"
        "ann\tspeaker/two speakers.wav\ttrain\t0\n"
        "bob\tspeaker/two speakers.wav\tvalidation\t1\n"
    )
    source = TableSource(str(tmp_path / "table.tsv"), root=str(root))
    corpus = packed(source, tmp_path)
    assert corpus.keys == ["speaker/two speakers.wav#0", "speaker/two speakers.wav#1"]
    assert [corpus.speakers[row] for row in corpus.speaker] == ["ann", "bob"]
    assert corpus.length.tolist() == [RATE, RATE]
    for row in (0, 1):
        samples = corpus.read(row, 0, RATE)
        assert np.corrcoef(samples, VOICES[row])[0, 1] > 0.98
        assert abs(np.corrcoef(samples, VOICES[1 - row])[0, 1]) < 0.2
