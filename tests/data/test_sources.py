"""Sources: which files are recordings, who speaks, and errors that name file and line."""

import os
from pathlib import Path

import pytest

from wavenet_ae.data.sources import FolderSource, TableSource
from wavenet_ae.errors import UserError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def speakers_of(source):
    return {recording.key: recording.speaker for recording in source.recordings()}


def test_a_folder_per_speaker_at_any_depth(tmp_path):
    touch(
        tmp_path, "b/deep/er/x.wav", "a/x.flac", "a/x.WAV", "b/späces ü 1.ogg", "a/y.txt", "a/z.wv"
    )
    found = FolderSource(str(tmp_path)).recordings()
    assert [each.key for each in found] == [
        "a/x.WAV",
        "a/x.flac",
        "b/deep/er/x.wav",
        "b/späces ü 1.ogg",
    ]
    assert [each.speaker for each in found] == ["a", "a", "b", "b"]
    assert all(each.path == tmp_path / each.key for each in found)
    assert all(each.split is None and each.channel is None for each in found)


def test_hidden_files_and_folders_named_like_audio_do_not_count(tmp_path):
    touch(tmp_path, "a/x.wav", "a/._x.wav", ".git/a/x.wav", "a/folder.wav/keep.txt", "b.wav/y.wav")
    assert speakers_of(FolderSource(str(tmp_path))) == {"a/x.wav": "a", "b.wav/y.wav": "b.wav"}


def test_depth_says_which_folder_is_the_speaker(tmp_path):
    root = tmp_path / "timit"
    touch(root, "TRAIN/DR1/FCJF0/SA1.WAV", "TEST/DR2/MABC0/SA1.WAV")
    assert set(speakers_of(FolderSource(str(root), 3)).values()) == {"FCJF0", "MABC0"}
    assert set(speakers_of(FolderSource(str(root), 1)).values()) == {"TRAIN", "TEST"}
    assert set(speakers_of(FolderSource(str(root), 0)).values()) == {"timit"}
    with pytest.raises(UserError, match=r"speaker_depth=4: .*SA1.WAV lies only 3 folders below"):
        FolderSource(str(root), 4).recordings()


def test_recordings_directly_in_the_root_are_one_speaker_named_as_the_root(tmp_path, monkeypatch):
    touch(tmp_path / "wavs", "1.wav", "a/2.wav")
    assert speakers_of(FolderSource(str(tmp_path / "wavs"))) == {"1.wav": "wavs", "a/2.wav": "a"}
    monkeypatch.chdir(tmp_path / "wavs")
    assert speakers_of(FolderSource("."))["1.wav"] == "wavs"


def test_a_phn_beside_a_recording_is_its_labels(tmp_path):
    touch(tmp_path, "a/x.wav", "a/x.phn", "a/SA1.WAV", "a/SA1.PHN", "a/y.wav")
    labels = {each.key: each.labels for each in FolderSource(str(tmp_path)).recordings()}
    assert labels["a/x.wav"] == str(tmp_path / "a/x.phn")
    assert Path(labels["a/SA1.WAV"]).is_file()
    assert labels["a/y.wav"] == ""


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path / "elsewhere", "x.wav")
    touch(tmp_path / "root", "a/y.wav")
    os.symlink(tmp_path / "elsewhere", tmp_path / "root/b")
    os.symlink(tmp_path / "root", tmp_path / "root/a/again")
    os.symlink(tmp_path / "gone.wav", tmp_path / "root/a/gone.wav")  # rejected later
    assert set(speakers_of(FolderSource(str(tmp_path / "root")))) == {
        "a/gone.wav",
        "a/y.wav",
        "b/x.wav",
    }


def test_a_root_without_recordings_is_named(tmp_path):
    with pytest.raises(UserError, match=r"data.source.root=.*none: no such folder. Set a folder"):
        FolderSource(str(tmp_path / "none")).prepare()
    touch(tmp_path, "a/readme.txt")
    with pytest.raises(UserError, match=r"data.source.root=.*: no recordings below it.*\.flac"):
        FolderSource(str(tmp_path)).recordings()
    with pytest.raises(UserError, match=r"data.source.root=.*readme.txt: is a file"):
        FolderSource(str(tmp_path / "a/readme.txt")).prepare()
    with pytest.raises(UserError, match=r"data.source.root is empty"):
        FolderSource("")


def table(tmp_path, text, name="list.tsv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_table_needs_no_header(tmp_path):
    path = table(tmp_path, "ann\tb/2.wav\nbob\ta/1.wav\textra\n\n")
    found = TableSource(path).recordings()
    assert [(each.key, each.speaker) for each in found] == [("a/1.wav", "bob"), ("b/2.wav", "ann")]
    assert found[0].path == tmp_path / "a/1.wav"


def test_a_header_names_columns_in_any_order(tmp_path):
    touch(tmp_path, "x.lab")
    path = table(
        tmp_path,
        "\ufeffpath\tage\tSpeaker\tsplit\tchannel\tlabels\r\n"
        "x.wav\t30\tann\tDev\t1\tx.lab\r\n"
        "x.wav\t40\tbob\t\t0\t\r\n"
        "y.wav\t50\tbob\n",
    )
    first, second, third = TableSource(path).recordings()
    assert (first.key, first.speaker, first.channel, first.split) == ("x.wav#0", "bob", 0, None)
    assert (second.key, second.speaker, second.channel, second.split) == (
        "x.wav#1",
        "ann",
        1,
        "validation",
    )
    assert (first.labels, second.labels) == ("", str(tmp_path / "x.lab"))
    assert (third.key, third.channel) == ("y.wav", None)


def test_paths_start_from_the_root_that_is_given(tmp_path):
    path = table(tmp_path, f"a\tx.wav\na\t{tmp_path}/data/sub/y.wav\na\t../z.wav\na\t/far/w.wav\n")
    source = TableSource(path, root=str(tmp_path / "data"))
    paths = {each.key: each.path for each in source.recordings()}
    assert paths == {
        "x.wav": tmp_path / "data/x.wav",
        "sub/y.wav": tmp_path / "data/sub/y.wav",
        "../z.wav": tmp_path / "z.wav",
        "/far/w.wav": Path("/far/w.wav"),
    }


def test_a_folder_is_listed_once_for_all_its_labels(tmp_path, monkeypatch):
    """A question for each recording would take minutes on a network's disk."""
    touch(tmp_path, *(f"a/{n}.wav" for n in range(20)), "a/3.phn")
    path = table(tmp_path, "".join(f"ann\ta/{n}.wav\n" for n in range(20)) + "ann\tgone/x.wav\n")
    listed, listdir = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(folder) or listdir(folder))
    labels = {each.key: each.labels for each in TableSource(path).recordings()}
    assert sorted(listed) == [tmp_path / "a", tmp_path / "gone"]
    assert [key for key, each in labels.items() if each] == ["a/3.wav"]
    assert labels["a/3.wav"] == str(tmp_path / "a/3.phn")


def test_the_root_of_a_table_is_where_its_recordings_lie(tmp_path):
    """So a table at the top of a project does not forbid a cache beside it."""
    path = table(tmp_path, "a\tdata/a/x.wav\nb\tdata/b/y.wav\n")
    assert TableSource(path).root == tmp_path / "data"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a\tx.wav\nb,y.wav\n",
            r"list.tsv, line 2: expected speaker<TAB>path, found \['b,y.wav'\]",
        ),
        ("a\tx.wav\n\n\ty.wav\n", r"line 3: expected speaker<TAB>path"),
        ("speaker\tfile\na\tx.wav\n", "line 1: the header has a column 'speaker', but needs"),
        (
            "speaker\tpath\tpath\na\tx\ty\n",
            "line 1: the header has the column 'path' more than once",
        ),
        ("speaker\tpath\tsplit\na\tx.wav\teval\n", "line 2: split 'eval': use train, validation"),
        ("speaker\tpath\tchannel\na\tx.wav\tleft\n", "line 2: channel 'left': use 0, 1"),
        ("speaker\tpath\tchannel\na\tx.wav\t-1\n", "line 2: channel '-1': use 0, 1"),
        ("speaker\tpath\tlabels\na\tx.wav\tno.phn\n", "line 2: labels 'no.phn': there is no file"),
        ("a\tx.wav\nb\t./x.wav\n", r"line 2: x.wav is already in line 1"),
        ("a\t/up/x.wav\na\t" + "../" * 40 + "up/x.wav\n", r"line 2: .*/up/x.wav is already in"),
        (
            "speaker\tpath\tlabels\na\tx.wav\t" + "l" * 300 + "\n",
            "line 2: labels 'l+': there is no",
        ),
        ("\n\n", "the table lists no recordings"),
        ("speaker\tpath\n", "the table lists no recordings"),
    ],
)
def test_errors_name_the_file_and_the_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        TableSource(table(tmp_path, text)).recordings()
    assert "list.tsv" in str(caught.value)


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"data.source.path=.*none.tsv: no such file"):
        TableSource(str(tmp_path / "none.tsv")).prepare()
    (tmp_path / "latin.tsv").write_bytes("é\tx.wav\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin.tsv is not UTF-8 text"):
        TableSource(str(tmp_path / "latin.tsv")).recordings()
