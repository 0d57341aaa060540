"""`wavenet-ae encode`: recordings are named as a shell does; a trained model is there."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from helpers.small_models import noise, recordings

from wavenet_ae.cli import main
from wavenet_ae.cli.encode import with_input
from wavenet_ae.errors import UserError
from wavenet_ae.loading import load


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["a.wav"], ["input=['a.wav']"]),
        (["a.wav", "out=x", "b c.wav"], ["input=['a.wav','b c.wav']", "out=x"]),
        (["--config-dir", "mine", "a.wav"], ["input=['a.wav']", "--config-dir", "mine"]),
        (["input=a.wav"], ["input=a.wav"]),
        (["--help"], ["--help"]),
    ],
)
def test_what_is_no_key_is_a_recording(given, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert with_input(given) == made


def test_recordings_are_named_in_one_way():
    with pytest.raises(UserError, match=r"a\.wav and input= both name recordings"):
        with_input(["a.wav", "input=b.wav"])


def test_files_and_folders_of_any_name_are_encoded_with_the_trained_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recordings(tmp_path, {"x=1,${y} [2].wav": 2000, "ann/a.wav": 3000, "ann/b.wav": 1000})
    monkeypatch.setattr(sys, "argv", ["wavenet-ae"])
    main(["encode", "x=1,${y} [2].wav", "ann", "device=cpu"])
    table = (tmp_path / "codes" / "units.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in table] == ["a", "b", "x=1,${y} [2]"]
    model = load("speech-units-8k")
    expected = model.encode(noise(3000, seed=1), 8000)
    assert np.load(tmp_path / "codes" / "a.npy").tolist() == expected.tolist()


def test_two_recordings_of_one_name_are_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recordings(tmp_path, {"ann/a.wav": 2000, "bob/a.wav": 3000})
    monkeypatch.setattr(sys, "argv", ["wavenet-ae"])
    with pytest.raises(SystemExit, match=r"a\.wav and a\.wav would both make"):
        main(["encode", "ann/a.wav", "bob/a.wav"])
