"""Recordings of files, folders and tables: names, speakers, rates, and odd content."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import soundfile
import torch
from helpers.small_models import checkpoint, noise, recordings

from wavenet_ae.audio.io import AudioError, write
from wavenet_ae.errors import UserError
from wavenet_ae.generation.recordings import Recordings
from wavenet_ae.generation.utterances import result_names
from wavenet_ae.loading import load


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(checkpoint(tmp_path_factory.mktemp("model"), "ae"))


def read(source, utterance):
    return torch.cat(list(source.blocks(utterance))).numpy()


def test_names_mirror_paths_and_keep_suffixes_that_make_them_unique():
    keys = ["ann/a.wav", "ann/b.wav", "ann/b.flac", "/abs/c.wav", "../up/d.tar.wav", "units.wav"]
    named = result_names([(key, "") for key in keys], taken=["units"])
    assert named == ["ann/a", "ann/b.wav", "ann/b.flac", "abs/c", "up/d.tar", "units.wav"]
    assert result_names([("a.wav", "#0"), ("a.wav", "#1")]) == ["a#0", "a#1"]
    assert result_names([("a\udcff.wav", ""), ("b\tc\n.wav", "")]) == ["a\\xff", "b\\tc\\n"]
    with pytest.raises(UserError, match=r"a\\xff\.wav and a\\xff\.wav would both make a\\xff: ren"):
        result_names([("a\udcff.wav", ""), ("a\\xff.wav", "")])
    with pytest.raises(UserError, match=r"\.\./a\.wav and a\.wav would both make a\.wav"):
        result_names([("../a.wav", ""), ("a.wav", "")])


def test_the_first_folders_are_the_speakers_and_loose_files_have_none(model, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    root = recordings(tmp_path, {"bob/x/b.wav": 900, "ann/a.flac": 500, "loose.wav": 100})
    found = Recordings(model, [root], None).utterances
    assert [(each.name, each.speaker, each.num_samples) for each in found] == [
        ("ann/a", "ann", 500),
        ("bob/x/b", "bob", 900),
        ("loose", None, 100),
    ]
    assert "in no speaker's folder: 1; their speaker" in caplog.text
    assert [each.name for each in Recordings(model, [root], 1).utterances] == ["ann/a"]
    (alone,) = Recordings(model, [root / "ann" / "a.flac"], None).utterances
    assert (alone.name, alone.speaker) == ("a", None)


def test_a_table_names_speakers_and_channels(model, tmp_path):
    stereo = np.stack([noise(400, 1), noise(400, 2)], axis=1)
    soundfile.write(tmp_path / "s.wav", stereo, 8000)
    table = tmp_path / "t.tsv"
    table.write_text("speaker\tpath\tchannel\nann\ts.wav\t0\nbob\ts.wav\t1\n")
    source = Recordings(model, [table], None)
    assert [(each.name, each.speaker) for each in source.utterances] == [
        ("s#0", "ann"),
        ("s#1", "bob"),
    ]
    for channel, each in enumerate(source.utterances):
        assert np.array_equal(read(source, each), stereo[:, channel])


def test_errors_in_an_input_name_the_key_input(model, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"^input=.*empty: no recordings below it"):
        Recordings(model, [tmp_path / "empty"], None)
    (tmp_path / "t.tsv").write_text("")
    with pytest.raises(UserError, match=r"^input=.*t.tsv: the table lists no recordings"):
        Recordings(model, [tmp_path / "t.tsv"], None)


@pytest.mark.parametrize("constant", [0, 1200, -32768])
@pytest.mark.parametrize("length", [1, 2, 1000])
def test_silence_and_a_single_sample_are_read(model, tmp_path, constant, length):
    write(tmp_path / "a.wav", np.full(length, constant, dtype=np.int16), 8000)
    source = Recordings(model, [tmp_path / "a.wav"], None)
    (utterance,) = source.utterances
    assert read(source, utterance).tolist() == [constant] * length
    content = source.content(utterance)
    assert content.num_samples == length
    assert content.codes["codes"].shape[-1] == -(-length // int(model.hop))


def test_clipped_is_read_and_broken_is_not(model, tmp_path):
    write(tmp_path / "a.wav", np.where(noise(500) > 0, 32767, -32768).astype(np.int16), 8000)
    source = Recordings(model, [tmp_path / "a.wav"], None)
    assert len(source.content(source.utterances[0]).codes["codes"])
    (tmp_path / "b.wav").write_text("no audio")
    source = Recordings(model, [tmp_path / "b.wav"], None)
    with pytest.raises(AudioError, match="unreadable"):
        source.content(source.utterances[0])


def test_another_rate_is_logged_once(model, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    root = recordings(tmp_path, {"ann/a.wav": 1600, "ann/b.wav": 801}, rate=16_000)
    source = Recordings(model, [root], None)
    assert [source.content(each).num_samples for each in source.utterances] == [800, 401]
    assert [each.num_samples for each in source.utterances] == [800, 401]
    assert caplog.text.count("recordings at 16000 Hz are resampled to the model's 8000 Hz") == 1


def test_parts_that_a_table_lists_are_utterances(model, tmp_path):
    """Each has a name, a length and samples of its own; one that ends too late is refused alone."""
    root = recordings(tmp_path, {"a.wav": 4_000})
    samples, rate = soundfile.read(root / "a.wav", dtype="int16")
    stop = 3_000 / rate
    table = root / "t.tsv"
    table.write_text(f"speaker\tpath\tbegin\tend\nann\ta.wav\t0\t{stop}\nbob\ta.wav\t{stop}\t\n")
    source = Recordings(model, [table], None)
    first, second = source.utterances
    assert (first.name, second.name) == (f"a@0-{stop:g}", f"a@{stop:g}-")
    assert (first.num_samples, second.num_samples) == (3_000, 1_000)
    np.testing.assert_array_equal(read(source, first), samples[:3_000])
    np.testing.assert_array_equal(read(source, second), samples[3_000:])
    table.write_text("speaker\tpath\tbegin\tend\nann\ta.wav\t0\t900\n")
    with pytest.raises(UserError, match=r"t.tsv, line 2: end 900 lies beyond the recording"):
        Recordings(model, [table], None)


def test_a_recording_is_decoded_once_more_for_the_mean_of_its_features(tmp_path):
    """It has the codes and the length that it has in memory."""
    model = load(checkpoint(tmp_path, "ae", encoder="units"))
    root = recordings(tmp_path / "in", {"ann/a.wav": 3001})
    source = Recordings(model, [root], None)
    (utterance,) = source.utterances
    content = source.content(utterance)
    assert content.num_samples == 3001
    assert torch.equal(content.codes["codes"], model.encode(read(source, utterance), 8000))
