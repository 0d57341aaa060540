"""Failed runs of a sweep are recorded in their folders, and do not stop the others."""

from __future__ import annotations

import errno
import pickle
from math import isnan

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.exits import recorded
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import NotWritten


def failing(error: BaseException):
    def work() -> float:
        raise error

    return work


@pytest.mark.parametrize(
    "error, text",
    [
        (UserError("the loss is not finite"), "the loss is not finite"),
        (RuntimeError("out of memory"), "RuntimeError: out of memory"),
    ],
)
def test_a_failure_is_recorded_until_the_next_start(tmp_path, error, text):
    assert isnan(recorded(failing(error), tmp_path))
    assert RunFolder(tmp_path).failed.read_text() == text + "\n"
    assert recorded(lambda: 2.5, tmp_path) == 2.5
    assert not RunFolder(tmp_path).failed.exists()


def test_an_error_that_would_end_every_run_is_raised(tmp_path):
    with pytest.raises(OSError):
        recorded(failing(OSError(errno.ENOSPC, "no space")), tmp_path)
    unwritten = NotWritten(tmp_path / "x", OSError(errno.ENOSPC, "no space"))
    with pytest.raises(NotWritten):  # as from a process of a pool: without its cause
        recorded(failing(pickle.loads(pickle.dumps(unwritten))), tmp_path)
    unwritten.__cause__ = unwritten.error
    advice = UserError("continue with resume=...")  # as training raises it
    advice.__cause__ = unwritten
    for error in (unwritten, advice):
        with pytest.raises(UserError):
            recorded(failing(error), tmp_path)
    assert not RunFolder(tmp_path).failed.exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143)])
def test_a_stop_is_not_recorded_as_a_failure(tmp_path, stop):
    with pytest.raises(type(stop)):
        recorded(failing(stop), tmp_path)
    assert not RunFolder(tmp_path).failed.exists()
