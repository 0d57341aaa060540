"""Runs of a sweep: one process at a time in a folder, and one device for each run."""

from __future__ import annotations

import os
import threading

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.search.sweep_runs import require_one_device, run_in_turn, sole_search


def test_a_second_search_in_a_folder_is_refused(tmp_path):
    with (
        sole_search(tmp_path / "sweep"),
        pytest.raises(
            UserError, match=r"in use by another process \(process \d+ on .*wait for that search"
        ),
        sole_search(tmp_path / "sweep"),
    ):
        pass
    with sole_search(tmp_path / "sweep"):
        pass


def test_a_run_waits_while_another_process_trains_in_its_folder(tmp_path, caplog):
    order = []

    def second() -> None:
        with run_in_turn(tmp_path):
            order.append("second")

    caplog.set_level("INFO")
    with run_in_turn(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.5)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]
    assert f"another process (process {os.getpid()} on " in caplog.text
    assert "still trains here: waiting for it" in caplog.text


def test_several_devices_are_refused():
    for devices in (1, [0]):
        require_one_device({"trainer": {"devices": devices}})
    for devices in (2, "auto", [0, 1], -1):
        with pytest.raises(UserError, match=r"trainer\.devices is .*, but a run of a sweep"):
            require_one_device({"trainer": {"devices": devices}})
