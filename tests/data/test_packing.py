"""Packing decodes each recording once, reports what it drops, and can be interrupted and shared."""

import csv
import errno
import logging
import os
import resource
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from wavenet_ae.audio import io as files
from wavenet_ae.data import shards
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import _errors_of, pack
from wavenet_ae.data.sources import FolderSource, TableSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError
from wavenet_ae.storage import NotWritten

RATE = 8000
HALF = Splits(validation=0.5)


def noise(seed, num_samples=4000):
    return np.random.default_rng(seed).integers(-9000, 9000, num_samples).astype(np.int16)


@pytest.fixture
def root(tmp_path):
    """Three speakers with four recordings each, all of different lengths."""
    for n in range(12):
        path = tmp_path / "root" / f"s{n % 3}" / f"{n:02d}.wav"
        files.write(path, noise(n, 4000 + n), RATE)
    return tmp_path / "root"


@pytest.fixture
def packed(root, tmp_path):
    """Pack `root` with these settings and open the result."""

    def call(splits=HALF, sample_rate=RATE, **settings):
        source = FolderSource(str(root))
        return PackedCorpus(pack(source, str(tmp_path / "cache"), sample_rate, splits, **settings))

    return call


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_CHUNK_BYTES", 20_000)  # two or three recordings


def written(tmp_path, pattern):
    return {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob(pattern)}


def test_every_recording_is_there_sample_by_sample(packed, root, small_chunks):
    corpus = packed()
    assert corpus.keys == sorted(f"s{n % 3}/{n:02d}.wav" for n in range(12))
    for row, key in enumerate(corpus.keys):
        number = int(key[3:5])
        np.testing.assert_array_equal(
            corpus.read(row, 0, 4000 + number), noise(number, 4000 + number)
        )
        assert corpus.speakers[corpus.speaker[row]] == f"s{number % 3}"


def test_processes_and_this_process_pack_the_same(packed, tmp_path, small_chunks):
    alone = packed(num_workers=0)
    samples = {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*.bin")}
    shutil.rmtree(tmp_path / "cache")
    assert packed(num_workers=2).fingerprint == alone.fingerprint
    assert len(samples) > 2
    assert samples == {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*.bin")}


def test_a_second_run_decodes_nothing_even_with_other_splits(packed, tmp_path):
    first = packed()
    before = written(tmp_path, "*")
    assert packed().fingerprint == first.fingerprint
    assert written(tmp_path, "*") == before
    other = packed(Splits(validation=0.3, seed=3))
    assert other.fingerprint != first.fingerprint
    shard_times = {path: time for path, time in before.items() if path.name.startswith("shard")}
    assert written(tmp_path, "shard*") == shard_times


def test_another_rate_or_a_changed_file_is_packed_anew(packed, root, tmp_path):
    first = packed()
    assert packed(sample_rate=2 * RATE).length.tolist() == (2 * first.length).tolist()
    path = root / "s0/00.wav"
    files.write(path, noise(99, 4000), RATE)  # of the same size
    os.utime(path, ns=(1, 1))
    changed = packed()
    np.testing.assert_array_equal(changed.read(0, 0, 4000), noise(99, 4000))
    assert changed.fingerprint != first.fingerprint
    assert len(written(tmp_path, "rejected.tsv")) == 3


def test_interrupted_packing_goes_on_where_it_stopped(packed, tmp_path, small_chunks):
    whole = packed()
    folder = whole.folder.parent
    before = written(tmp_path, "shard*")
    # What a run that is killed in its third chunk leaves: samples, but no table of them.
    (folder / "shard-00002.tsv").unlink()
    (folder / "shard-00002.bin").write_bytes(b"half of it")
    (folder / ".shard-00002.tsv.123.partial").write_bytes(b"partial")
    shutil.rmtree(whole.folder)
    assert packed().fingerprint == whole.fingerprint
    after = written(tmp_path, "shard*")
    changed = {path.name for path in after if after[path] != before[path]}
    assert changed == {"shard-00002.tsv", "shard-00002.bin"}
    assert not written(tmp_path, ".*.partial")


def test_what_another_run_writes_beside_the_shards_is_left_to_it(packed, tmp_path, small_chunks):
    """The run that has just packed writes its lists while those that waited for it begin."""
    folder = packed().folder.parent
    (folder / "shard-00002.tsv").unlink()
    theirs = folder / ".rejected.tsv.123.partial"
    theirs.write_bytes(b"utterance")
    packed()
    assert (folder / "shard-00002.tsv").is_file() and theirs.is_file()


def test_runs_at_the_same_time_share_one_packing(packed, caplog):
    caplog.set_level(logging.INFO)
    with ThreadPoolExecutor(3) as pool:
        corpora = [each.result() for each in [pool.submit(packed) for _ in range(3)]]
    assert len({corpus.fingerprint for corpus in corpora}) == 1
    assert sum("packed 12 recordings" in text for text in caplog.messages) == 1


def spoil(root, num):
    for n in range(num):
        (root / f"s0/bad{n}.wav").write_bytes(b"no audio")


def test_what_cannot_be_used_is_counted_aloud_and_listed(packed, root, caplog):
    spoil(root, 1)
    files.write(root / "s1/silence.wav", np.zeros(100, np.int16), RATE)
    corpus = packed(max_rejected=0.2)
    assert len(corpus) == 12
    assert "2 of 14 recordings cannot be used" in caplog.text
    with (corpus.folder.parent / "rejected.tsv").open() as file:
        listed = {row["utterance"]: row["reason"] for row in csv.DictReader(file, delimiter="\t")}
    assert set(listed) == {"s0/bad0.wav", "s1/silence.wav"}
    assert "constant" in listed["s1/silence.wav"]
    caplog.clear()
    packed(max_rejected=0.2)
    assert "2 of 14 recordings cannot be used" in caplog.text  # also when nothing was decoded


def test_too_many_rejected_is_an_error_that_shows_the_first(packed, root):
    spoil(root, 8)
    with pytest.raises(UserError, match=r"(?s)8 of 20 .*data.max_rejected=0.3") as caught:
        packed(max_rejected=0.3)
    assert str(caught.value).count("s0/bad") == 5
    assert len(packed(max_rejected=0.4)) == 12  # exactly the fraction: not more than it


def test_no_usable_recording_is_an_error_whatever_is_allowed(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "root/a").mkdir(parents=True)
    (tmp_path / "root/a/x.wav").write_bytes(b"no audio")
    with pytest.raises(UserError, match="1 of 1 recording cannot be used"):
        pack(
            FolderSource(str(tmp_path / "root")), str(tmp_path / "c"), RATE, HALF, max_rejected=1.0
        )
    assert "packed 0 of 1 recording into" in caplog.text, "what is rejected is not packed"


def test_an_empty_split_is_an_error(packed):
    with pytest.raises(UserError, match=r"data.splits.validation"):
        packed(Splits(validation=0.0))


def test_the_cache_must_not_lie_among_the_recordings(root):
    for cache in (root, root / "s0/cache", root / "x/../cache"):
        with pytest.raises(UserError, match=r"data.cache_dir=.*lies inside"):
            pack(FolderSource(str(root)), str(cache), RATE, HALF)
    assert sorted(path.name for path in root.iterdir()) == ["s0", "s1", "s2"]


@pytest.mark.parametrize(
    "number, advice",
    [(errno.ENOSPC, "Free some space, or set a folder on another disk"), (errno.EROFS, "Set a")],
)
def test_space_is_advised_only_where_space_helps(number, advice, tmp_path):
    cache = tmp_path / "cache"
    error = OSError(number, os.strerror(number))
    with pytest.raises(UserError) as refused, _errors_of(str(cache)):
        raise error
    assert f". {advice}" in str(refused.value)
    assert ("space," in str(refused.value)) == (number == errno.ENOSPC)
    assert ("Free" in str(NotWritten(cache, error))) == (number == errno.ENOSPC)


def test_a_full_disk_names_the_cache_and_packing_goes_on_later(packed, small_chunks, tmp_path):
    """A limit on the size of files stands for the disk's end: the same write fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(
            UserError, match=r"cache cannot be written: .+ on the disk at /.* Free some space"
        ):
            packed(num_workers=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not written(tmp_path, ".*.partial")
    assert len(packed()) == 12


def test_no_space_left_is_told(root, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        pack(FolderSource(str(root)), str(tmp_path / "cache"), RATE, HALF)


def test_a_cache_that_is_a_file_is_told(root, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(UserError, match=r"data.cache_dir=.*cannot be written"):
        pack(FolderSource(str(root)), str(tmp_path / "cache"), RATE, HALF)


def test_a_table_gives_channels_splits_and_labels(tmp_path):
    left, right = noise(1), noise(2)
    soundfile.write(tmp_path / "both.wav", np.stack([left, right], axis=1), RATE)
    files.write(tmp_path / "one.wav", noise(3), RATE)
    (tmp_path / "one.phn").write_text("0 10 a\n")
    (tmp_path / "list.tsv").write_text(
        "speaker\tpath\tsplit\tchannel\n"
        "ann\tboth.wav\ttrain\t0\nbob\tboth.wav\tvalid\t1\ncec\tone.wav\ttest\t\n"
    )
    source = TableSource(str(tmp_path / "list.tsv"))
    corpus = PackedCorpus(pack(source, str(tmp_path.parent / "cache"), RATE, Splits()))
    assert corpus.keys == ["both.wav#0", "both.wav#1", "one.wav"]
    assert corpus.split.tolist() == ["train", "validation", "test"]
    assert corpus.labels == ["", "", str(tmp_path / "one.phn")]
    np.testing.assert_array_equal(corpus.read(0, 0, 4000), left)
    np.testing.assert_array_equal(corpus.read(1, 0, 4000), right)


def test_names_with_control_characters_are_packed_and_read_back(packed, root):
    names = [
        "tab\there",
        'quote"s',
        "line\nbreak",
        "späce ü",
        os.fsdecode(b"latin-\xe9"),
        "a,b#0",
    ]
    for name in names:
        files.write(root / "s0" / f"{name}.wav", noise(1), RATE)
    assert {f"s0/{name}.wav" for name in names} <= set(packed().keys)


def test_files_that_vanish_are_rejected_and_retried_when_they_are_back(root, tmp_path):
    rows = [f"a\t{path}" for path in sorted(root.rglob("*.wav"))]
    (tmp_path / "list.tsv").write_text("\n".join(rows))
    gone = root / "s0/00.wav"
    content = gone.read_bytes()
    gone.unlink()
    settings = (str(tmp_path / "cache"), RATE, HALF)
    source = TableSource(str(tmp_path / "list.tsv"))
    with pytest.raises(UserError, match=r"s0/00.wav: unreadable: No such file"):
        pack(source, *settings)
    gone.write_bytes(content)
    assert len(PackedCorpus(pack(source, *settings))) == 12


def test_a_name_that_no_table_can_hold_is_refused(packed, root):
    files.write(root / "s0/carriage\rreturn.wav", noise(1), RATE)
    with pytest.raises(UserError, match="carriage return in its name"):
        packed()


@pytest.mark.parametrize("where", ["the speaker's name", "the path of labels"])
def test_what_else_no_table_can_hold_is_refused_too(where, tmp_path):
    """The recordings' own names, which start below the root, can be held."""
    root, depth = tmp_path / "carriage\rreturn", 1
    if where == "the speaker's name":
        depth = 0
    else:
        (root / "s0").mkdir(parents=True)
        (root / "s0/00.phn").write_text("0 100 sil\n")
    for number in range(8):
        files.write(root / f"s0/{number:02}.wav", noise(number), RATE)
    with pytest.raises(UserError, match=r"carriage\\rreturn.* has a carriage return in its name"):
        pack(FolderSource(str(root), depth), str(tmp_path / "cache"), RATE, Splits(validation=0.3))


def test_recordings_whose_names_no_file_can_have_are_left_out(root, tmp_path):
    names = [f"s0\ts0/{n:02d}.wav" for n in (0, 3, 6, 9)]
    names += ["s0\ta\0b.wav", f"s0\t{'x' * 300}.wav", f"s0\t{'x' * 300}/a.wav"]
    (root / "list.tsv").write_text("\n".join(names))
    source = TableSource(str(root / "list.tsv"))
    made = pack(source, str(tmp_path / "cache"), RATE, HALF, max_rejected=0.5)
    assert len(PackedCorpus(made)) == 4


def test_two_recordings_of_one_key_are_refused(root, tmp_path):
    class Twice(FolderSource):
        def recordings(self):
            return super().recordings() * 2

    with pytest.raises(UserError, match=r"have one key, s0/00.wav"):
        pack(Twice(str(root)), str(tmp_path / "cache"), RATE, HALF)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"sample_rate": 0}, "data.sample_rate=0"),
        ({"max_rejected": 1.5}, "data.max_rejected=1.5"),
        ({"num_workers": -1}, "data.num_packing_processes=-1"),
    ],
)
def test_bad_settings_are_named(packed, settings, named):
    with pytest.raises(UserError, match=named):
        packed(**settings)


def test_chunks_are_consecutive_and_complete():
    sizes = [5, 0, 7, 100, 1, 1, 1]
    runs = list(shards._runs(sizes, limit=10))
    assert runs == [(0, 3), (3, 4), (4, 7)]
