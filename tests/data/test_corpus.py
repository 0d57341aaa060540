"""Packed corpora: slices stay within their utterance, and the fingerprint covers what is served."""

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from wavenet_ae.audio import io as files
from wavenet_ae.data import corpus as corpus_module
from wavenet_ae.data import tables
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.recordings import Recording
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError

RATE = 8000


def ramp(number):
    """Samples that tell which utterance they are of: 1000 * number + 0, 1, 2, ..."""
    return (1000 * number + np.arange(500 + number)).astype(np.int16)


@dataclass
class Listed:
    """A source of given recordings."""

    root: Path
    listed: list[Recording]

    def prepare(self) -> None:
        pass

    def recordings(self) -> list[Recording]:
        return self.listed


@pytest.fixture
def make(tmp_path):
    """Pack utterances 0..5, each changed as asked, and open them."""

    def call(name="corpus", content=ramp, rate=RATE, **changes):
        listed = []
        for n in range(6):
            path = tmp_path / name / f"{n}.wav"
            if not path.is_file():  # a file that is written again is packed again
                files.write(path, content(n), rate)
            fields = {"speaker": "ba"[n % 2], "split": ["train", "validation"][n // 4]}
            fields |= {key: change(n) for key, change in changes.items()}
            listed.append(Recording(f"{n}.wav", path, **fields))
        source = Listed(tmp_path / name, listed)
        return PackedCorpus(pack(source, str(tmp_path / "cache"), rate, Splits()))

    return call


def test_the_catalogue_as_arrays(make):
    corpus = make()
    assert corpus.speakers == ["a", "b"]
    assert corpus.speaker.tolist() == [1, 0, 1, 0, 1, 0]
    assert corpus.length.tolist() == [500, 501, 502, 503, 504, 505]
    assert corpus.speaker.dtype == corpus.length.dtype == np.int64
    assert corpus.rows("train").tolist() == [0, 1, 2, 3]
    assert corpus.rows("validation").tolist() == [4, 5]
    assert corpus.rows("test").tolist() == []
    assert (corpus.sample_rate, len(corpus)) == (RATE, 6)
    with pytest.raises(ValueError, match="no split 'valid'"):
        corpus.rows("valid")


def test_reading_is_exact_and_gives_an_array_of_its_own(make):
    corpus = make()
    window = corpus.read(3, 100, 103)
    assert window.tolist() == [3100, 3101, 3102]
    assert (window.dtype, type(window)) == (np.int16, np.ndarray)
    window += 1  # neither refused nor seen by the next reader
    assert corpus.read(3, 100, 103).tolist() == [3100, 3101, 3102]
    assert corpus.read(np.int64(5), 505, 505).tolist() == []


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (0, 504), (10, 9), (600, 610)])
def test_no_slice_leaves_its_utterance(make, start, stop):
    with pytest.raises(IndexError, match=r"3.wav has 503 samples"):
        make().read(3, start, stop)


def test_a_pickled_corpus_reads_on(make):
    """Worker processes that are spawned get the corpus so."""
    corpus = make()
    corpus.read(0, 0, 1)
    content = pickle.dumps(corpus)
    assert len(content) < 10_000  # not the samples
    assert pickle.loads(content).read(1, 0, 2).tolist() == [1000, 1001]


def test_few_shards_are_open_at_once(make):
    """A process may have some 1000 files open."""
    assert corpus_module._opened.cache_info().maxsize <= 256
    corpus = make()
    corpus.read(0, 0, 1)
    opened = corpus_module._opened.cache_info().misses
    for row in range(6):
        corpus.read(row, 0, 1)
    assert corpus_module._opened.cache_info().misses == opened


def test_the_fingerprint_knows_the_content_not_the_place(make):
    assert make().fingerprint == make("elsewhere").fingerprint


def test_the_fingerprint_stays_what_checkpoints_have_recorded(make):
    assert make().fingerprint == "96c309760f13e7af992487df102b16db"


def test_long_tables_come_back_whole_whatever_their_cells(tmp_path):
    odd = ["tab\there", 'quote"s', "line\nbreak", "späce ü", "latin-\udce9", "", " ", "a,b#0"]
    rows = [(odd[n % len(odd)], str(n)) for n in range(2 * tables.ROWS_AT_ONCE + 1)]
    for some in ([], rows[:1], rows[: tables.ROWS_AT_ONCE], rows):
        path = tmp_path / "table.tsv"
        path.write_bytes(tables.encoded_table([("name", "number"), *some]))
        columns = tables.read_columns(path, ("name", "number"))
        assert list(zip(columns["name"], columns["number"], strict=True)) == some
    with pytest.raises(UserError, match=r"table.tsv does not have the columns a, b"):
        tables.read_columns(path, ("a", "b"))


@pytest.mark.parametrize(
    "change",
    [
        {"content": lambda n: ramp(n) + np.int16(n == 5)},  # one recording's samples
        {"content": lambda n: ramp(n)[: 400 + n]},
        {"rate": 2 * RATE},
        {"speaker": lambda n: "c"},
        {"split": lambda n: ["validation", "train"][n // 4]},
    ],
)
def test_the_fingerprint_sees_whatever_changes_what_is_served(make, change):
    assert make().fingerprint != make("changed", **change).fingerprint


def test_a_shard_that_is_cut_or_gone_is_named(make):
    corpus = make()
    shard = corpus.folder.parent / "shard-00000.bin"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(UserError, match=r"shard-00000.bin has 6028 bytes.*6030\..*delete .*bin,"):
        PackedCorpus(corpus.folder)
    shard.unlink()
    with pytest.raises(UserError, match=r"has 0 bytes"):
        PackedCorpus(corpus.folder)


def shard_of(corpus):
    return corpus.folder.parent / "shard-00000.bin"


def flip(path, place, bit=1):
    content = bytearray(path.read_bytes())
    content[place] ^= bit
    path.write_bytes(content)


def test_a_flipped_bit_in_a_shard_is_found_before_its_utterance_is_used(make, monkeypatch):
    corpus = make()
    monkeypatch.setattr(corpus_module, "NUM_VERIFIED_AT_OPENING", 2)  # the first and the last
    flip(shard_of(corpus), 2 * (500 + 501 + 7))
    damaged = PackedCorpus(corpus.folder)
    assert damaged.read(1, 0, 3).tolist() == [1000, 1001, 1002]
    with pytest.raises(UserError, match=r"shard-00000.bin is damaged: the samples of 2.wav .*del"):
        damaged.read(2, 400, 403)  # however far from the bit
    with pytest.raises(UserError, match=r"the samples of 2.wav"):
        PackedCorpus(corpus.folder).verify()


def test_what_the_system_reads_in_parts_is_read_whole(make, monkeypatch):
    """Linux reads 2 GiB at most at a time."""
    corpus, preadv = make(), os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda file, parts, place: preadv(file, [parts[0][:100]], place)
    )
    np.testing.assert_array_equal(corpus.read(0, 0, int(corpus.length[0])), ramp(0))


def test_opening_a_corpus_verifies_some_of_it(make):
    corpus = make()
    flip(shard_of(corpus), 0)
    with pytest.raises(UserError, match=r"the samples of 0.wav are not those that were packed"):
        PackedCorpus(corpus.folder)


def test_opening_reads_little_of_a_large_corpus(make, monkeypatch):
    corpus = make()
    monkeypatch.setattr(corpus_module, "MAX_BYTES_AT_OPENING", 2500)
    flip(shard_of(corpus), 2 * (500 + 501 + 502 + 7))
    assert len(PackedCorpus(corpus.folder)) == 6


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("shard", "../../../etc/passwd", r"shard is '\.\./\.\./\.\./etc/passwd', which is no name"),
        ("shard", "/dev/zero", "shard is '/dev/zero', which is no name of a file"),
        ("shard", "", "shard is '', which is no name of a file"),
        ("start", str(2**63 - 1), "no shard is as long as its recordings"),
        ("start", str(2**62), rf"has 6030 bytes where the packed corpus needs {2 * (2**62 + 500)}"),
    ],
)
def test_a_catalogue_that_was_made_to_harm_leads_to_no_other_file(make, column, value, problem):
    folder = make().folder
    catalogue = folder / "catalogue.tsv"
    names, *rows = [line.split("\t") for line in catalogue.read_text().splitlines()]
    rows[0][names.index(column)] = value
    content = "".join("\t".join(row) + "\n" for row in (names, *rows)).encode()
    catalogue.write_bytes(content)
    (folder / "corpus.json").write_bytes(corpus_module.encoded_header(RATE, content))
    with pytest.raises(UserError, match=problem):
        PackedCorpus(folder)


def test_a_deleted_shard_is_packed_again(make):
    corpus = make()
    flip(shard_of(corpus), 0)
    shard_of(corpus).unlink()
    assert make().read(0, 0, 2).tolist() == [0, 1]


def test_a_flipped_bit_anywhere_in_the_tables_of_a_corpus_is_found(make):
    corpus = make()
    for path in (corpus.folder / "catalogue.tsv", corpus.folder / "corpus.json"):
        whole = path.read_bytes()
        for place in range(0, len(whole), 3):
            flip(path, place, 1 << place % 8)
            with pytest.raises(UserError, match=r"damaged|packed in format|not a packed"):
                PackedCorpus(corpus.folder)
            path.write_bytes(whole)
    assert len(PackedCorpus(corpus.folder)) == 6


def test_a_flipped_bit_anywhere_in_the_table_of_a_shard_is_found(make):
    path = shard_of(make()).with_suffix(".tsv")
    whole = path.read_bytes()
    for place in range(len(whole)):
        flip(path, place, 1 << place % 8)
        with pytest.raises(UserError, match=r"shard-00000.tsv (is damaged|does not have the col)"):
            make()
        path.write_bytes(whole)
    assert len(make()) == 6


def test_a_table_of_a_shard_without_a_digest_is_still_read(make):
    path = shard_of(make()).with_suffix(".tsv")
    lines = path.read_text().splitlines(keepends=True)
    assert lines[-1].startswith("#blake2b\t")
    path.write_text("".join(lines[:-1]))
    assert len(make()) == 6
    path.write_text("".join([lines[0], *lines[2:-1]]))
    with pytest.raises(UserError, match=r"its rows are not those of its recordings"):
        make()


def test_a_folder_that_is_no_corpus_or_of_another_format_is_named(make, tmp_path):
    with pytest.raises(UserError, match="is not a packed corpus"):
        PackedCorpus(tmp_path)
    folder = make().folder
    (folder / "corpus.json").write_text(json.dumps({"format": 99, "sample_rate": RATE}))
    with pytest.raises(UserError, match="packed in format 99, this version reads 1"):
        PackedCorpus(folder)
