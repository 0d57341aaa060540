"""The log of a run, where names of files or the terminal are odd."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from wavenet_ae.exits import guarded
from wavenet_ae.randomness import keyed_seed
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.logging.files import log_to

UNDECODABLE = b"sp\xff/\xc3\xa4.wav".decode("utf-8", "surrogateescape")


def test_a_name_that_is_no_text_is_logged(tmp_path):
    log_to(str(tmp_path))
    try:
        logging.getLogger("wavenet_ae").warning("%s is skipped", UNDECODABLE)
    finally:
        log_to(None)
    assert "sp\\udcff/ä.wav is skipped" in RunFolder(tmp_path).log.read_text(encoding="utf-8")


def test_a_name_that_is_no_text_has_a_seed():
    assert keyed_seed(0, UNDECODABLE) != keyed_seed(0, "sp/ä.wav")


def test_a_command_prints_what_its_locale_lacks(monkeypatch):
    ascii_alone = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_alone)
    guarded(lambda: print(UNDECODABLE, flush=True))
    assert ascii_alone.buffer.getvalue() == b"sp\\udcff/\\xe4.wav\n"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Could not determine home directory."),
        KeyError("getpwuid(): uid not found: 12345"),
    ],
)
def test_a_user_without_an_entry_and_a_home_is_told_to_set_one(error):
    def work() -> None:
        raise error

    with pytest.raises(SystemExit, match="set HOME to a folder that can be written"):
        guarded(work)
