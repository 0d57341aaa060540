"""A process whose first one is gone ends by itself; end to end in tests/e2e/test_processes.py."""

from __future__ import annotations

import logging
import os
import select
import sys
import time
from pathlib import Path

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.signals import Stopped
from wavenet_ae.training.processes import FIRST, LAUNCHER, ending_together

LOST = "another process of this run has failed or was killed"


def train_without_end(folder: Path, output: int) -> None:
    """Is the second of two processes, from a fork on."""
    os.environ |= {FIRST: str(os.getppid()), "LOCAL_RANK": "1"}
    os.dup2(output, 2)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    with ending_together(folder):
        os.write(output, b"training\n")
        time.sleep(600)


def test_the_end_of_the_first_process_ends_the_second(tmp_path):
    reading, writing = os.pipe()
    first = os.fork()
    if not first:
        try:
            if not os.fork():
                train_without_end(tmp_path / "run", writing)
            os.close(writing)
            os.read(reading, 1)  # until the second trains
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(first, 0)
    output = b""
    while select.select([reading], [], [], 60)[0] and (text := os.read(reading, 1 << 16)):
        output += text  # until the second has ended
    os.close(reading)
    assert f"error: {LOST}" in output.decode()
    assert f"continue with resume={tmp_path / 'run'}" in output.decode()


def test_a_kill_by_lightning_is_told_in_a_line(tmp_path, caplog):
    text = "Child process with PID 7 terminated with code -9."
    with ending_together(tmp_path):
        LAUNCHER.info(text)
    LAUNCHER.info(text)  # logged or not, by the level that other tests have set
    (error,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert LOST in error.message and text not in error.message
    assert all(each.message == text for each in caplog.records if each is not error)


@pytest.mark.parametrize("error", [Stopped(15, True), RuntimeError("Broken pipe"), UserError("x")])
def test_a_single_process_ends_as_without_it(error, tmp_path):
    with pytest.raises(type(error)) as caught, ending_together(tmp_path):
        raise error
    assert caught.value is error and FIRST not in os.environ
