"""Runs of a sweep: one process per folder, and a failed run does not stop the others."""

from __future__ import annotations

import errno
import pickle
import threading
from math import isnan

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.exits import recorded
from wavenet_ae.runs import RunFolder
from wavenet_ae.search.locks import run_in_turn, sole_search
from wavenet_ae.search.placement import require_one_device
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


def test_what_ends_every_run_is_raised(tmp_path):
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
def test_a_stop_is_no_failure(tmp_path, stop):
    with pytest.raises(type(stop)):
        recorded(failing(stop), tmp_path)
    assert not RunFolder(tmp_path).failed.exists()


def test_two_searches_in_one_folder_are_refused(tmp_path):
    with (
        sole_search(tmp_path / "sweep"),
        pytest.raises(UserError, match="another process searches in this folder"),
        sole_search(tmp_path / "sweep"),
    ):
        pass
    with sole_search(tmp_path / "sweep"):
        pass


def test_a_run_waits_for_who_trains_in_its_folder(tmp_path, caplog):
    order = []

    def second() -> None:
        with run_in_turn(tmp_path):
            order.append("second")

    with run_in_turn(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.5)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]
    assert "another process still trains here" in caplog.text


def test_several_devices_are_refused():
    for devices in (1, [0]):
        require_one_device({"trainer": {"devices": devices}})
    for devices in (2, "auto", [0, 1], -1):
        with pytest.raises(UserError, match=r"trainer\.devices is .*, but a run of a sweep"):
            require_one_device({"trainer": {"devices": devices}})
