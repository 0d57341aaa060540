"""Named corpora in torchaudio's layouts: listing, splits, packing, and errors if one is missing."""

from __future__ import annotations

import pytest
import soundfile
import torchaudio
from helpers import corpus_trees as trees
from helpers.corpus_trees import CORPORA

from wavenet_ae.data.corpora import (
    LibriSpeechSource,
    LibriTTSSource,
    SpeechCommandsSource,
    VCTKSource,
)
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.packing import pack
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError
from wavenet_ae.resume import may_change

each_corpus = pytest.mark.parametrize("name", CORPORA)


@each_corpus
def test_recordings_and_speakers(name, tmp_path, monkeypatch):
    def refuse(*_args, **_settings):
        raise AssertionError("packing decodes, not torchaudio")

    monkeypatch.setattr(torchaudio, "load", refuse)
    corpus = CORPORA[name]
    corpus.build(tmp_path)
    source = corpus.source(str(tmp_path))
    found = source.recordings()
    assert {each.key: each.speaker for each in found} == corpus.speakers
    assert [each.key for each in found] == sorted(corpus.speakers)
    assert all(each.path == source.root / each.key and each.path.is_file() for each in found)
    assert all(each.channel is None and each.labels == "" for each in found)


@each_corpus
def test_keys_stay_where_a_corpus_moves(name, tmp_path, monkeypatch):
    corpus = CORPORA[name]
    corpus.build(tmp_path / "a")
    before = corpus.source(str(tmp_path / "a")).recordings()
    (tmp_path / "a").rename(tmp_path / "b")
    monkeypatch.chdir(tmp_path)
    after = corpus.source("b").recordings()
    assert [each.key for each in after] == [each.key for each in before]
    assert [each.split for each in after] == [each.split for each in before]
    assert all(each.path.is_absolute() for each in after)


@each_corpus
def test_what_is_listed_can_be_packed(name, tmp_path):
    corpus = CORPORA[name]
    corpus.build(tmp_path)
    source = corpus.source(str(tmp_path))
    # The cache may lie beside the corpus: only its own folder is taken.
    packed = PackedCorpus(pack(source, str(tmp_path / "cache"), 8000, Splits(validation=0.5)))
    assert packed.keys == sorted(corpus.speakers)
    speakers = [packed.speakers[row] for row in packed.speaker]
    assert speakers == [corpus.speakers[key] for key in packed.keys]
    for key, length in zip(packed.keys, packed.length, strict=True):
        assert length == pytest.approx(8000 * soundfile.info(source.root / key).duration, abs=1)


@pytest.mark.parametrize(
    ("subsets", "splits"),
    [
        (["train-clean-100"], [None]),
        (["train-clean-100", "train-other-500"], [None, None]),
        (["train-clean-100", "dev-clean"], ["train", "validation"]),
        (["train-clean-100", "test-other"], [None, "test"]),
        (["dev-other", "train-clean-360", "test-clean"], ["validation", "train", "test"]),
        (["dev-clean", "test-clean"], [None, None]),
    ],
)
def test_subsets_beside_each_other_are_splits(subsets, splits, tmp_path):
    for subset in subsets:
        trees.librispeech(tmp_path, subset)
    found = LibriSpeechSource(str(tmp_path), subsets).recordings()
    assert len(found) == 4 * len(subsets)
    assert {each.key.split("/")[0]: each.split for each in found} == dict(
        zip(subsets, splits, strict=True)
    )


def test_subsets_reach_the_packed_corpus(tmp_path):
    for number, subset in enumerate(("train-clean-100", "dev-clean", "test-clean")):
        trees.librispeech(tmp_path, subset, readers=(number,))
    source = LibriSpeechSource(str(tmp_path), ["train-clean-100", "dev-clean", "test-clean"])
    packed = PackedCorpus(pack(source, str(tmp_path / "cache"), 8000, Splits()))
    for number, split in enumerate(("train", "validation", "test")):
        rows = packed.rows(split)
        assert [packed.speakers[packed.speaker[row]] for row in rows] == [str(number)] * 2


def test_a_subset_that_is_given_twice_counts_once(tmp_path):
    trees.libritts(tmp_path)
    assert len(LibriTTSSource(str(tmp_path), ["train-clean-100"] * 2).recordings()) == 2


def test_a_corpus_s_own_lists_win(tmp_path):
    trees.speechcommands(tmp_path)
    found = SpeechCommandsSource(str(tmp_path)).recordings()
    splits = {each.key.removeprefix("speech_commands_v0.02/"): each.split for each in found}
    assert splits == {
        "bed/0a_nohash_0.wav": "train",
        "bed/0b_nohash_0.wav": "validation",
        "cat/0a_nohash_0.wav": "train",
        "cat/0a_nohash_1.wav": "train",
        "cat/0c_nohash_0.wav": "test",
    }


def test_the_other_microphone_has_one_speaker_more(tmp_path):
    trees.vctk(tmp_path)
    found = VCTKSource(str(tmp_path), mic_id="mic1").recordings()
    assert {each.speaker for each in found} == {"p225", "p280", "p362", "s5"}
    assert all(each.path.stem.endswith("_mic1") and each.path.is_file() for each in found)


@each_corpus
def test_a_missing_corpus_is_named_with_what_mends_it(name, tmp_path):
    corpus = CORPORA[name]
    with pytest.raises(UserError) as caught:
        corpus.source(str(tmp_path)).prepare()
    assert f"data.source.root={tmp_path}: there is no folder" in str(caught.value)
    assert f"{tmp_path / corpus.folder}. " in str(caught.value)
    assert (
        f"data.source.download=true: {corpus.archive} is extracted if it lies in {tmp_path}, "
        "and else downloaded"
    ) in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match=r"data\.source\.root is empty"):
        corpus.source("")


@each_corpus
def test_a_folder_too_deep_is_noticed(name, tmp_path):
    corpus = CORPORA[name]
    corpus.build(tmp_path)
    with pytest.raises(UserError, match=rf"Set the folder above: {tmp_path}\.$"):
        corpus.source(str(tmp_path / corpus.folder.split("/")[0])).recordings()


@each_corpus
def test_a_folder_without_recordings_is_an_error(name, tmp_path):
    corpus = CORPORA[name]
    (tmp_path / corpus.folder).mkdir(parents=True)
    with pytest.raises(UserError, match=r"no recordings in|is not as torchaudio expects") as caught:
        corpus.source(str(tmp_path)).recordings()
    assert str(tmp_path / corpus.folder) in str(caught.value)
    assert "delete the folder, then extract it again" in str(caught.value)


def test_listing_needs_no_transcripts(tmp_path):
    trees.librispeech(tmp_path)
    transcripts = list((tmp_path / "LibriSpeech").rglob("*.trans.txt"))
    for path in transcripts:
        path.unlink()
    found = LibriSpeechSource(str(tmp_path)).recordings()
    assert len(transcripts) == 2
    assert {each.key: each.speaker for each in found} == CORPORA["librispeech"].speakers


def test_fewer_recordings_than_published_are_counted_aloud(tmp_path, caplog):
    trees.librispeech(tmp_path)
    LibriSpeechSource(str(tmp_path)).recordings()
    assert "LibriSpeech/train-clean-100 holds 4 recordings of 28539." in caplog.text


@pytest.mark.parametrize("source", [LibriSpeechSource, LibriTTSSource])
def test_an_unknown_subset_is_answered_with_the_nearest(source, tmp_path):
    with pytest.raises(UserError, match=r"'train-clean-10'.*Did you mean 'train-clean-100'\?"):
        source(str(tmp_path), ["dev-clean", "train-clean-10"])
    with pytest.raises(
        UserError, match=r"'validation' is not a subset.*There are: dev-clean, dev-"
    ):
        source(str(tmp_path), ["validation"])
    with pytest.raises(UserError, match=r"data\.source\.subsets is empty: set some"):
        source(str(tmp_path), [])


def test_a_resume_elsewhere_may_download():
    assert may_change("data.source.download") and may_change("data.source.root")
