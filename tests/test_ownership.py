"""One process at a time in a folder."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.ownership import InUse, sole_run, sole_use
from wavenet_ae.runs import RunFolder

HOLD = """
import sys, time
from pathlib import Path
from wavenet_ae.ownership import {function}
with {function}(Path(sys.argv[1]), {argument}):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds a folder."""
    started = []

    def hold(function: str, argument: str) -> subprocess.Popen:
        code = HOLD.format(function=function, argument=argument)
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        started.append(process)
        return process

    yield hold
    for each in started:
        each.kill()
        each.wait()


def test_a_second_process_is_refused_with_the_number_of_the_first(tmp_path, holder):
    process = holder("sole_use", "'wait'")
    message = rf"in use by another process \(process {process.pid} on .*wait"
    with pytest.raises(InUse, match=message), sole_use(tmp_path, "wait"):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with sole_use(tmp_path, "wait"):
        assert (tmp_path / ".in_use.owner").is_file()
    assert not (tmp_path / ".in_use.owner").exists()


def test_a_run_named_by_its_second_takes_the_next_free_name(tmp_path, holder):
    holder("sole_run", "False")
    with pytest.raises(InUse, match="set run_folder to another folder"), sole_run(tmp_path):
        pass
    with sole_run(tmp_path, is_named_by_time=True) as folder:
        assert folder == tmp_path.with_name(f"{tmp_path.name}_1")
        RunFolder(folder).config.touch()
    with sole_run(tmp_path, is_named_by_time=True) as folder:
        assert folder.name == f"{tmp_path.name}_2", "a run has begun in the one before"


def test_a_damaged_record_of_the_owner_is_left_out(tmp_path, holder):
    holder("sole_use", "''")
    (tmp_path / ".in_use.owner").write_text('{"process": "rm -rf"}')
    with pytest.raises(InUse, match="in use by another process: wait"), sole_use(tmp_path, "wait"):
        pass


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
    with sole_use(tmp_path, "wait"):
        assert "this file system has no locks" in caplog.text
