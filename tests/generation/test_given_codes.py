"""Codes in files: what is written is read, and what is not the model's is refused."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from helpers.small_models import card, checkpoint, made, recordings

from wavenet_ae.errors import UserError
from wavenet_ae.generation.code_files import read_table, write_codes
from wavenet_ae.generation.given_codes import GivenCodes
from wavenet_ae.loading import load, load_with_fingerprint

LENGTHS = {"ann/a.wav": 900, "bob/b.wav": 1700, "bob/c.flac": 1}


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Checkpoint and folder of codes by kind of bottleneck."""
    root = tmp_path_factory.mktemp("encoded")
    source = recordings(root / "recordings", LENGTHS)
    found = {}
    for kind in ("vqvae", "rvq", "ae"):
        path = checkpoint(root, kind)
        assert made(task="encode", checkpoint=path, input=source, out=root / kind) == 0
        found[kind] = path, root / kind
    return found


@pytest.mark.parametrize("kind", ["vqvae", "rvq", "ae"])
def test_encoded_files_equal_the_model_s_codes(encoded, kind):
    path, folder = encoded[kind]
    model, fingerprint = load_with_fingerprint(path)
    given = GivenCodes(model, fingerprint, folder, None)
    assert [each.name for each in given.utterances] == ["ann/a", "bob/b", "bob/c"]
    for each in given.utterances:
        codes = np.load(folder / f"{each.name}.npy")
        num_codes = -(-LENGTHS[next(k for k in LENGTHS if k.startswith(each.name))] // 160)
        shape = {"vqvae": (num_codes,), "rvq": (3, num_codes), "ae": (6, num_codes)}[kind]
        assert codes.shape == shape and codes.dtype == (np.float32 if kind == "ae" else np.int64)
        content = given.content(each)
        assert (
            np.array_equal(content.codes["codes"], codes) and content.num_samples == num_codes * 160
        )
    described = card(folder / "units.json")
    sizes = {"vqvae": (8, 1), "rvq": (8, 3), "ae": (None, None)}[kind]
    assert (described["codebook_size"], described["num_codebooks"]) == sizes
    assert described["code_rate_hz"] == 50 and described["model_fingerprint"] == fingerprint
    assert described["checkpoint"] == str(path)
    assert (folder / "units.tsv").exists() == (kind != "ae")


@pytest.mark.parametrize("kind", ["vqvae", "rvq"])
def test_the_table_has_the_codes_of_the_files(encoded, kind):
    path, folder = encoded[kind]
    rows = list(read_table(folder / "units.tsv"))
    assert [row[:2] for row in rows] == [("ann/a", "ann"), ("bob/b", "bob"), ("bob/c", "bob")]
    for name, _, codes in rows:
        assert np.array_equal(codes, np.load(folder / f"{name}.npy"))
    model, fingerprint = load_with_fingerprint(path)
    given = GivenCodes(model, fingerprint, folder / "units.tsv", 2)
    assert [each.speaker for each in given.utterances] == ["ann", "bob"]


@pytest.mark.parametrize("file", ["", "units.tsv", "bob/b.npy"])
def test_codes_of_another_model_are_refused_by_name(encoded, tmp_path, file):
    other, fingerprint = load_with_fingerprint(checkpoint(tmp_path, "vqvae", seed=1))
    with pytest.raises(UserError, match=r"those of another model, .*vqvae-0.ckpt.*encode the"):
        GivenCodes(other, fingerprint, encoded["vqvae"][1] / file, None)


def test_codes_of_an_unknown_model_are_accepted_with_a_warning(encoded, tmp_path, caplog):
    write_codes(tmp_path / "a.npy", np.arange(4, dtype=np.uint8))
    model = load(encoded["vqvae"][0])
    given = GivenCodes(model, "", tmp_path, None)
    assert given.content(given.utterances[0]).codes["codes"].tolist() == [0, 1, 2, 3]
    assert "there is no units.json beside" in caplog.text


@pytest.mark.parametrize(
    ("kind", "codes", "expected"),
    [
        ("vqvae", np.array([0, 8]), r"has the code 8, but this model's are 0 to 7"),
        ("vqvae", np.array([0, -1]), r"has the code -1"),
        ("vqvae", np.zeros((3, 4), int), r"shape \(3, 4\).*has 1 codebook:.*\(codes,\)"),
        ("rvq", np.zeros(4, int), r"shape \(4,\).*has 3 codebooks:.*\(3, codes\)"),
        ("rvq", np.zeros((2, 4), int), r"shape \(2, 4\).*has 3 codebooks"),
        ("vqvae", np.zeros((6, 4), np.float32), r"float32 \(6, 4\), but this model decodes codes"),
        ("vqvae", np.zeros(0, int), r"is empty: it must hold at least one code"),
        ("ae", np.zeros(4, int), r"int64 \(4,\), but this model has no codes: it decodes vectors"),
        ("ae", np.zeros((5, 4), np.float32), r"shape \(6, vectors\)"),
        ("ae", np.full((6, 4), np.nan, np.float32), r"NaN or infinite"),
    ],
)
def test_codes_that_cannot_be_the_models_are_refused(encoded, tmp_path, kind, codes, expected):
    np.save(tmp_path / "a.npy", codes)
    with pytest.raises(UserError, match=f"a.npy.*{expected}"):
        GivenCodes(load(encoded[kind][0]), "", tmp_path / "a.npy", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tann\n", r"line 1: expected utterance<TAB>speaker<TAB>units"),
        ("a\tann\t1 2\n\nb\tann\t1 x\n", r"line 3: invalid literal for int\(\).*'x'"),
        ("a\tann\t1 2\t3\n", r"line 1: its codebooks have 2, 1 units"),
        ("a\tann\t1\na\tann\t2\n", r"the utterance a is in it more than once"),
        ("../a\tann\t1\n", r"'\.\./a' is not the name of a file inside out"),
        ("a\tann\t\n", r"a is empty"),
        ("a/./b\tann\t1\na/b\tann\t2\n", r"the utterance a/b is in it more than once"),
        ("a//b\tann\t1\n./a/b/\tann\t2\n", r"the utterance a/b is in it more than once"),
        (".\tann\t1\n", r"'\.' is not the name of a file inside out"),
        ("a\0b\tann\t1\n", r"line 1: the name 'a\\x00b' has a control character: remove it"),
        ("", r"there are no codes in it"),
    ],
)
def test_a_wrong_table_is_refused_by_line(encoded, tmp_path, text, expected):
    (tmp_path / "units.tsv").write_text(text)
    with pytest.raises(UserError, match=expected):
        GivenCodes(load(encoded["vqvae"][0]), "", tmp_path / "units.tsv", None)


def test_what_encode_writes_of_any_name_is_decoded(tmp_path):
    """Tabs and breaks of lines in names of recordings and speakers, and names as long as files'."""
    names = [
        "a\tnn/a\tb",
        "b\nob/a\nb",
        "b\nob/\udcff",
        "bob/\u2028",
        "bob/\x1b[1m",
        "bob/" + "x" * 215,
    ]
    names += ["bob/" + "y" * 251, "bob/" + "é" * 125, "\udcff/\ufeff"]
    source = recordings(tmp_path / "in", {f"{name}.wav": 100 for name in names})
    path = checkpoint(tmp_path, "vqvae", speakers=["a\tnn", "b\nob"])
    folder = tmp_path / "codes"
    assert made(task="encode", checkpoint=path, input=source, out=folder) == 0
    model, fingerprint = load_with_fingerprint(path)
    by_file = GivenCodes(model, fingerprint, folder, None).utterances
    by_line = GivenCodes(model, fingerprint, folder / "units.tsv", None).utterances
    assert [each.name for each in by_line] == [each.name for each in by_file]
    assert len(by_line) == len(names) == len((folder / "units.tsv").read_text().split("\n")) - 1
    assert [each.speaker for each in by_line].count("b\nob") == 2
    for name, codes in (("one", folder), ("other", folder / "units.tsv")):
        assert made(task="decode", checkpoint=path, codes=codes, out=tmp_path / name) == 0
        assert len(list((tmp_path / name).rglob("*.wav"))) == len(names)


def test_two_files_of_one_name_are_refused(encoded, tmp_path):
    for name in ("a\udcff", "a\\xff"):
        np.save(os.fsencode(tmp_path / f"{name}.npy").decode("utf-8", "surrogateescape"), [1])
    with pytest.raises(UserError, match=r"would both make a\\xff: rename one"):
        GivenCodes(load(encoded["vqvae"][0]), "", tmp_path, None)


def test_a_byte_order_mark_is_no_part_of_a_name(encoded, tmp_path):
    (tmp_path / "units.tsv").write_text("a\tann\t1\n", encoding="utf-8-sig")
    given = GivenCodes(load(encoded["vqvae"][0]), "", tmp_path / "units.tsv", None)
    assert [each.name for each in given.utterances] == ["a"]


def test_an_archive_is_no_file_of_codes(encoded, tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, codes=[1])
    with pytest.raises(UserError, match=r"a\.npy is not a \.npy file of codes, but an archive"):
        GivenCodes(load(encoded["vqvae"][0]), "", tmp_path, None)


def test_files_that_are_not_codes_are_refused(encoded, tmp_path):
    model = load(encoded["vqvae"][0])
    with pytest.raises(UserError, match="there are no codes in it"):
        GivenCodes(model, "", tmp_path, None)
    (tmp_path / "a.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"a\.npy is not a readable \.npy file"):
        GivenCodes(model, "", tmp_path, None)
    np.save(tmp_path / "a.npy", np.array([{}]))
    with pytest.raises(UserError, match="Python objects") as refused:
        GivenCodes(model, "", tmp_path, None)
    assert "allow_pickle" not in str(refused.value)
    (tmp_path / "units.json").write_text(json.dumps({"model": 1}))
    with pytest.raises(UserError, match=r"units\.json is not a file that task=encode writes"):
        GivenCodes(model, "", tmp_path, None)
