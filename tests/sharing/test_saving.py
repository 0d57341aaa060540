"""The model card of a saved model, and what it says of an evaluation."""

from __future__ import annotations

import pytest
import yaml
from helpers.evaluated import evaluated
from helpers.small_models import checkpoint

import wavenet_ae
from wavenet_ae.errors import UserError
from wavenet_ae.loading import load
from wavenet_ae.sharing.card import without_folders


def header_of(card: str) -> dict:
    _, header, _ = card.split("---\n", 2)
    return yaml.safe_load(header)


def test_a_card_says_what_the_model_is_and_how_it_is_used(tmp_path):
    folder = wavenet_ae.save_pretrained(
        load(checkpoint(tmp_path)), tmp_path / "my-units", license="cc-by-4.0"
    )
    card = (folder / "README.md").read_text()
    assert header_of(card) == {
        "license": "cc-by-4.0",
        "library_name": "wavenet_ae",
        "tags": ["audio", "speech", "speech-units", "audio-codec"],
    }
    assert "# my-units\n" in card and 'wavenet_ae.load("my-units")' in card
    assert "50 codes/s" in card and "speakers: 2, and the unknown speaker" in card
    assert "Evaluation" not in card


def test_a_card_of_a_language_model_promises_no_codes(tmp_path):
    folder = wavenet_ae.save_pretrained(load(checkpoint(tmp_path, "wavenet")), tmp_path / "lm")
    card = (folder / "README.md").read_text()
    assert "license" not in header_of(card) and "encode" not in card


def test_a_card_that_is_there_already_stays(tmp_path):
    model, folder = load(checkpoint(tmp_path)), tmp_path / "saved"
    wavenet_ae.save_pretrained(model, folder)
    (folder / "README.md").write_text("my own words")
    wavenet_ae.save_pretrained(model, folder)
    assert (folder / "README.md").read_text() == "my own words"


def test_a_card_has_the_tables_of_an_evaluation_of_this_model_only(tmp_path, cache):
    result = evaluated(tmp_path, cache, "bitrate")
    file = tmp_path / "run" / "checkpoints" / "vqvae-0.ckpt"
    folder = wavenet_ae.save_pretrained(load(file), tmp_path / "saved", tmp_path / "out")
    card = (folder / "README.md").read_text()
    nominal = result.value("bitrate.bits_per_second", estimate="nominal")
    assert "### Bitrate" in card and f"| nominal | {nominal:.4g} |" in card
    assert str(tmp_path) not in card, "no path of this machine"
    other = load(checkpoint(tmp_path, seed=1))
    with pytest.raises(UserError, match=r"is of another model, vqvae-0: evaluate this one"):
        wavenet_ae.save_pretrained(other, tmp_path / "other", tmp_path / "out")
    assert not (tmp_path / "other").exists()


def test_paths_of_a_command_are_cut_to_their_last_part():
    command = (
        """/usr/bin/x 'data.root='"'"'/home/ann/my speech'"'"'' seed=1 runs=[/a/b,c/d] n=1/2"""
    )
    assert without_folders(command) == "x 'data.root=my speech' seed=1 'runs=[b,c/d]' n=1/2"
