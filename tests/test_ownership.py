"""One process at a time in a folder."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.ownership import InUse, sole_run, sole_use, use_in_turn
from wavenet_ae.runs import RunFolder

HOLD = """
import sys, time
from pathlib import Path
from wavenet_ae.ownership import {function}
with {function}(Path(sys.argv[1]), {argument}):
    print("held", flush=True)
    time.sleep(600)
"""
# Takes the lock, says who it is after a while, and lets go of it later.
SLOW = """
import sys, time
from pathlib import Path
from filelock import FileLock
from wavenet_ae import ownership
lock = Path(sys.argv[1]) / ownership.IN_USE
with FileLock(lock):
    print("held", flush=True)
    time.sleep({unknown})
    ownership._record_owner(lock)
    time.sleep({known})
"""


@pytest.fixture
def started(tmp_path):
    """Starts a process of some code that holds a folder."""
    started = []

    def start(code: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        started.append(process)
        return process

    yield start
    for each in started:
        each.kill()
        each.communicate()


@pytest.fixture
def holder(started):
    """Starts a process that holds a folder by a function of `ownership`."""
    return lambda function, argument: started(HOLD.format(function=function, argument=argument))


def refused(folder: Path) -> str:
    """What a process is told that wants to use a folder."""
    with pytest.raises(InUse) as caught, sole_use(folder, "wait"):
        pass
    return str(caught.value)


def test_a_second_process_is_refused_with_the_number_of_the_first(tmp_path, holder):
    process = holder("sole_use", "'wait'")
    message = rf"in use by another process \(process {process.pid} on .*wait"
    assert re.search(message, refused(tmp_path))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with sole_use(tmp_path, "wait"):
        assert (tmp_path / ".in_use.owner").is_file()
    assert not (tmp_path / ".in_use.owner").exists()


def test_a_process_that_has_just_taken_the_lock_is_named(tmp_path, started):
    process = started(SLOW.format(unknown=0.5, known=600))
    assert f"(process {process.pid} on " in refused(tmp_path)


def test_the_record_that_a_kill_has_left_names_nobody(tmp_path, holder, started):
    killed = holder("sole_use", "'wait'")
    killed.kill()
    killed.wait()
    assert str(killed.pid) in (tmp_path / ".in_use.owner").read_text()
    process = started(SLOW.format(unknown=0.5, known=600))
    assert f"(process {process.pid} on " in refused(tmp_path)


def test_an_owner_that_ends_before_it_is_known_leaves_the_folder_free(tmp_path, started):
    process = started(SLOW.format(unknown=0.5, known=0))
    process.send_signal(signal.SIGSTOP)
    threading.Timer(0.3, process.send_signal, [signal.SIGKILL]).start()
    with sole_use(tmp_path, "wait"):
        assert f'"process": {os.getpid()}' in (tmp_path / ".in_use.owner").read_text()


def test_a_process_that_waits_gets_the_lock_after_the_first(tmp_path, holder, caplog):
    caplog.set_level("INFO")
    process = holder("sole_use", "'wait'")
    threading.Timer(0.3, process.terminate).start()
    with use_in_turn(tmp_path / ".in_use.lock", "trains here"):
        assert f"another process (process {process.pid} on " in caplog.text
        assert process.wait(10) == -signal.SIGTERM
        assert f'"process": {os.getpid()}' in (tmp_path / ".in_use.owner").read_text()


def test_a_run_named_by_its_second_takes_the_next_free_name(tmp_path, holder):
    holder("sole_run", "False")
    with pytest.raises(InUse, match="set run_folder to another folder"), sole_run(tmp_path):
        pass
    with sole_run(tmp_path, is_named_by_time=True) as folder:
        assert folder == tmp_path.with_name(f"{tmp_path.name}_1")
        RunFolder(folder).config.touch()
    with sole_run(tmp_path, is_named_by_time=True) as folder:
        assert folder.name == f"{tmp_path.name}_2", "a run has begun in the one before"


@pytest.mark.parametrize(
    "record", ['{"process": "rm -rf"}', '{"process": 1, "host": "\\u001b[2Jfree\\n"}']
)
def test_a_damaged_record_of_the_owner_is_left_out(tmp_path, holder, record):
    holder("sole_use", "''")
    (tmp_path / ".in_use.owner").write_text(record)
    assert "in use by another process: wait" in refused(tmp_path)


@pytest.mark.parametrize("name", ["run.lock", "run.owner"])
def test_links_in_a_run_folder_lead_no_lock_outside(tmp_path, name):
    victim, folder = tmp_path / "victim", tmp_path / "run"
    victim.write_text("kept")
    folder.mkdir()
    (folder / name).symlink_to(victim)
    with pytest.raises(UserError, match=f"{name} is a link that leads outside"), sole_run(folder):
        pass
    with sole_use(folder, "wait", folder / "other.lock"):
        pass
    (folder / ".in_use.owner").symlink_to(victim)
    with sole_use(folder, "wait"):
        assert not (folder / ".in_use.owner").is_symlink()
    assert victim.read_text() == "kept"


@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink("nowhere", path)])
def test_what_is_no_lock_is_named(tmp_path, make):
    make(tmp_path / ".in_use.lock")
    with (
        pytest.raises(UserError, match=r"\.in_use\.lock is not a file .*: remove it"),
        sole_use(tmp_path, "wait"),
    ):
        pass


def test_a_file_system_without_locks_is_warned_about(tmp_path, monkeypatch, caplog):
    def fails(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fails)
    with sole_use(tmp_path, "wait"), use_in_turn(tmp_path / "turn.lock", "packs"):
        assert caplog.text.count("this file system has no locks") == 2
