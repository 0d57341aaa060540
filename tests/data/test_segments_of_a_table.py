"""The columns begin and end of a table make utterances of parts of recordings."""

import logging

import numpy as np
import pytest

from wavenet_ae.audio import io as files
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import TableSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError

RATE = 8000
SAMPLES = np.random.default_rng(0).integers(-9000, 9000, 4 * RATE).astype(np.int16)


@pytest.fixture
def corpus_of(tmp_path):
    """Packs a table with these lines; `talk.wav` of 4 s and `hi.wav` of 1 s lie beside it."""
    files.write(tmp_path / "in" / "talk.wav", SAMPLES, RATE)
    files.write(tmp_path / "in" / "hi.wav", SAMPLES[:RATE], RATE)

    def call(*lines, header="speaker path begin end", splits=None):
        table = tmp_path / "in" / "t.tsv"
        rows = [header, *lines]
        table.write_text("".join("\t".join(row.split(" ")) + "\n" for row in rows))
        source = TableSource(str(table))
        splits = splits or Splits(validation=0.4)
        return PackedCorpus(pack(source, str(tmp_path / "cache"), RATE, splits))

    return call


def test_segments_are_utterances_with_names_and_samples_of_their_own(corpus_of, tmp_path):
    corpus = corpus_of(
        *("anna talk.wav 0 0.5", "bert talk.wav 0.5 1.25", "anna talk.wav 1.25 2"),
        *("bert talk.wav 3 ", "anna hi.wav  "),
    )
    assert corpus.keys == [
        *("hi.wav", "talk@0-0.5.wav", "talk@0.5-1.25.wav", "talk@1.25-2.wav", "talk@3-.wav")
    ]
    assert [corpus.speakers[row] for row in corpus.speaker] == [
        "anna",
        "anna",
        "bert",
        "anna",
        "bert",
    ]
    assert corpus.recordings == ["hi.wav", *["talk.wav"] * 4]
    assert corpus.begin.tolist() == [0, 0, RATE // 2, RATE * 5 // 4, 3 * RATE]
    for row, key in enumerate(corpus.keys[1:], start=1):
        length = int(corpus.length[row])
        begin = int(corpus.begin[row])
        np.testing.assert_array_equal(
            corpus.read(row, 0, length), SAMPLES[begin : begin + length], err_msg=key
        )
    shards = list((tmp_path / "cache").rglob("*.bin"))
    assert sum(shard.stat().st_size for shard in shards) == 2 * 5 * RATE  # each file once
    corpus.verify()


def test_other_segments_of_the_same_files_decode_nothing(corpus_of, caplog):
    lines = ["a talk.wav 0 1", "b talk.wav 1 2", "a talk.wav 2 3", "b talk.wav 3 4"]
    first = corpus_of(*lines)
    caplog.set_level(logging.INFO)
    caplog.clear()  # of what another test has left the level for
    other = corpus_of(*lines[:3], "b talk.wav 3 3.5")
    assert "packed" not in caplog.text
    assert other.fingerprint != first.fingerprint
    assert corpus_of(*lines).fingerprint == first.fingerprint


def test_segments_that_overlap_are_never_in_two_splits(corpus_of):
    lines = [f"a talk.wav {n * 0.1:.1f} {n * 0.1 + 0.05:.2f}" for n in range(30)]
    lines += [f"b talk.wav {n * 0.1 + 0.02:.2f} {n * 0.1 + 0.09:.2f}" for n in range(30)]
    corpus = corpus_of(*lines)
    assert set(corpus.split) == {"train", "validation"}
    split_of = np.full(4 * RATE, "", dtype="U10")
    for row in np.argsort(corpus.split, kind="stable"):
        piece = split_of[corpus.begin[row] : corpus.begin[row] + corpus.length[row]]
        assert set(piece) <= {"", corpus.split[row]}, corpus.keys[row]
        piece[:] = corpus.split[row]


def test_segments_that_all_overlap_are_cut_at_one_instant(corpus_of):
    corpus = corpus_of("a talk.wav 0 3", "b talk.wav 1 4", splits=Splits(validation=0.25))
    found = {
        (str(corpus.split[row]), begin / RATE, (begin + corpus.length[row]) / RATE)
        for row, begin in enumerate(corpus.begin.tolist())
    }
    assert found == {("train", 0, 2.9), ("train", 1, 2.9), ("validation", 3, 4)}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("a talk.wav 2 1", "line 2: begin 2 must be less than end 1"),
        ("a talk.wav nan 1", "line 2: begin 'nan' is not a time"),
        ("a talk.wav 3 4.5", r"line 2: end 4.5 lies beyond the recording talk.wav, .* 4.000 s"),
        ("a talk.wav 7 ", "line 2: begin 7 lies beyond the recording talk.wav"),
    ],
)
def test_errors_name_file_and_line(corpus_of, line, named):
    with pytest.raises(UserError, match=rf"t\.tsv, {named}"):
        corpus_of(line, "a hi.wav 0 0.5")


def test_the_same_segment_twice_is_an_error(corpus_of):
    with pytest.raises(UserError, match=r"line 3: talk@0-1\.wav is already in line 2"):
        corpus_of("a talk.wav 0 1", "b talk.wav 0.0 1.00")


def test_a_recording_that_cannot_be_used_leaves_out_its_segments(corpus_of, tmp_path, caplog):
    (tmp_path / "in" / "bad.wav").write_bytes(b"no audio")
    lines = [f"a talk.wav {n} {n + 1}" for n in range(4)]
    with pytest.raises(UserError, match=r"1 of 2 recordings cannot be used.*\n  bad.wav"):
        corpus_of(*lines, "a bad.wav 0 1", "a bad.wav 1 2")


def test_columns_of_other_programs_are_named_in_a_warning(corpus_of, caplog):
    corpus_of(
        *("a talk.wav 0 1", "a hi.wav 0 1"),
        header="speaker path start stop",
        splits=Splits(validation=0.5),
    )
    assert "the columns start, stop are ignored" in caplog.text
    assert "name them begin and end" in caplog.text


def test_a_table_without_times_is_listed_as_before(corpus_of, tmp_path):
    """Its catalogue has the columns that caches of earlier versions have."""
    for number in range(3):
        files.write(tmp_path / "in" / f"{number}.wav", SAMPLES, RATE)
    lines = ["a talk.wav", "b hi.wav", *(f"a {number}.wav" for number in range(3))]
    corpus = corpus_of(*lines, header="speaker path")
    header = (corpus.folder / "catalogue.tsv").read_text().splitlines()[0]
    assert header.endswith("digest\tlabels")
    assert corpus.recordings == corpus.keys and not corpus.begin.any()
