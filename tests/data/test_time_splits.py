"""Few recordings are split by time: no sample is in two splits, whatever a window reads."""

import logging

import numpy as np
import pytest
import soundfile

from wavenet_ae.audio import io as files
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource, TableSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.time_splits import GAP_SECONDS
from wavenet_ae.data.windows import tiling_windows
from wavenet_ae.errors import UserError

RATE = 8000


def noise(seed, seconds):
    values = np.random.default_rng(seed).integers(-9000, 9000, round(seconds * RATE))
    return values.astype(np.int16)


@pytest.fixture
def root(tmp_path):
    files.write(tmp_path / "root" / "anna" / "book.wav", noise(0, 20), RATE)
    return tmp_path / "root"


def packed(source, tmp_path, splits=None, **settings):
    splits = splits or Splits()
    return PackedCorpus(pack(source, str(tmp_path / "cache"), RATE, splits, **settings))


def ranges(corpus):
    """(split, recording, first sample, sample after the last) of each utterance."""
    return [
        (str(corpus.split[row]), corpus.recordings[row], begin, begin + int(corpus.length[row]))
        for row, begin in enumerate(corpus.begin.tolist())
    ]


def test_the_end_of_one_recording_validates(root, tmp_path, caplog):
    corpus = packed(FolderSource(str(root)), tmp_path)
    gap = round(GAP_SECONDS * RATE)
    assert ranges(corpus) == [
        ("train", "anna/book.wav", 0, 18 * RATE - gap),
        ("validation", "anna/book.wav", 18 * RATE, 20 * RATE),
    ]
    assert corpus.keys == ["anna/book@0-17.9.wav", "anna/book@18-20.wav"]
    assert corpus.speakers == ["anna"]
    samples = noise(0, 20)
    for row, (_, _, first, stop) in enumerate(ranges(corpus)):
        np.testing.assert_array_equal(corpus.read(row, 0, stop - first), samples[first:stop])
    assert "split by time, and its last 10 % validate" in caplog.text


@pytest.mark.parametrize("slice_length", [1, 700, 9000])
def test_no_window_of_a_split_reads_samples_of_another(root, tmp_path, slice_length):
    """Receptive fields of any length stay inside their piece."""
    corpus = packed(FolderSource(str(root)), tmp_path, Splits(validation=0.2, test=0.2))
    read = {}
    for split, _, first, stop in ranges(corpus):
        starts = tiling_windows(np.array([stop - first]), slice_length, 300)[:, 1] + first
        read[split] = {sample for start in starts for sample in range(start, start + slice_length)}
        assert read[split]
    assert not read["train"] & read["validation"]
    assert not read["validation"] & read["test"]
    assert min(read["test"]) - max(read["validation"]) > GAP_SECONDS * RATE


def test_each_of_a_few_recordings_is_cut_and_one_too_short_is_for_training(root, tmp_path):
    files.write(root / "anna" / "song.wav", noise(1, 10), RATE)
    files.write(root / "bert" / "hm.wav", noise(2, 0.5), RATE)
    corpus = packed(FolderSource(str(root)), tmp_path, Splits(validation=0.1, seed=0))
    found = {(split, key) for split, key, _, _ in ranges(corpus)}
    assert found == {
        *(("train", "anna/book.wav"), ("validation", "anna/book.wav")),
        *(("train", "anna/song.wav"), ("validation", "anna/song.wav")),
        ("train", "bert/hm.wav"),
    }
    whole = corpus.keys.index("bert/hm.wav")
    assert corpus.recordings[whole] == "bert/hm.wav" and corpus.length[whole] == RATE / 2


def test_a_recording_that_is_too_short_is_an_error_with_its_length(tmp_path):
    files.write(tmp_path / "root" / "a" / "x.wav", noise(0, 0.6), RATE)
    source = FolderSource(str(tmp_path / "root"))
    with pytest.raises(UserError, match=r"the longest has 0.6 s.*set data.splits.validation to"):
        packed(source, tmp_path)
    assert packed(source, tmp_path, Splits(validation=0.3)).rows("validation").size == 1


def test_of_several_that_are_too_short_a_whole_one_validates(tmp_path):
    for name in "ab":
        files.write(tmp_path / "root" / "s" / f"{name}.wav", noise(0, 0.5), RATE)
    corpus = packed(FolderSource(str(tmp_path / "root")), tmp_path, Splits(validation=1e-9))
    assert corpus.keys == ["s/a.wav", "s/b.wav"]
    assert sorted(corpus.split) == ["train", "validation"]


def test_without_validation_one_recording_stays_whole(root, tmp_path):
    corpus = packed(FolderSource(str(root)), tmp_path, is_validated=False)
    assert ranges(corpus) == [("train", "anna/book.wav", 0, 20 * RATE)]


def test_channels_are_cut_at_the_same_instant(tmp_path):
    stereo = np.stack([noise(0, 5), noise(1, 5)], axis=1)
    soundfile.write(tmp_path / "both.wav", stereo, RATE)
    table = tmp_path / "t.tsv"
    table.write_text("speaker\tpath\tchannel\na\tboth.wav\t0\nb\tboth.wav\t1\n")
    corpus = packed(TableSource(str(table)), tmp_path.parent / f"{tmp_path.name}-cache")
    assert corpus.keys == [
        *("both@0-4.4.wav#0", "both@0-4.4.wav#1", "both@4.5-5.wav#0", "both@4.5-5.wav#1")
    ]
    assert corpus.split.tolist() == ["train", "train", "validation", "validation"]
    np.testing.assert_array_equal(corpus.read(3, 0, RATE // 2), noise(1, 5)[-RATE // 2 :])


def test_an_explicit_split_is_not_cut(root, tmp_path):
    files.write(root / "other.wav", noise(3, 5), RATE)
    table = tmp_path / "t.tsv"
    table.write_text(
        f"speaker\tpath\tsplit\nanna\t{root}/anna/book.wav\t\nb\t{root}/other.wav\ttrain\n"
    )
    corpus = packed(TableSource(str(table)), tmp_path)
    found = [(split, first, stop) for split, key, first, stop in ranges(corpus) if "other" in key]
    assert found == [("train", 0, 5 * RATE)]
    assert corpus.split.tolist().count("validation") == 1


def test_the_split_is_that_of_every_run_and_decodes_nothing(root, tmp_path, caplog):
    first = packed(FolderSource(str(root)), tmp_path)
    caplog.clear()
    caplog.set_level(logging.INFO)
    again = packed(FolderSource(str(root)), tmp_path)
    assert again.folder == first.folder and again.fingerprint == first.fingerprint
    packed(FolderSource(str(root)), tmp_path, Splits(validation=0.3))
    assert "packed 1 recording" not in caplog.text


def test_a_damaged_shard_is_found_before_pieces_of_it_are_listed(root, tmp_path):
    corpus = packed(FolderSource(str(root)), tmp_path)
    shard = next(corpus.folder.parent.glob("*.bin"))
    data = bytearray(shard.read_bytes())
    data[1000] ^= 1
    shard.write_bytes(data)
    with pytest.raises(UserError, match="are not those that were packed"):
        corpus.verify()
    with pytest.raises(UserError, match="are not those that were packed"):
        packed(FolderSource(str(root)), tmp_path, Splits(validation=0.25))
