"""Files are written whole or not at all, and an error gives advice that fits every command."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from helpers.full_disk import can_mount, files_limited_to, on_small_disk

from wavenet_ae.storage import (
    UNFINISHED,
    NotWritten,
    append_line,
    atomic_path,
    atomic_write,
    remove_unfinished,
    write_bytes,
)


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "x"
    with atomic_write(path) as file:
        file.write(b"whole")
        file.flush()
        assert not path.exists()
    assert contents(path.parent) == {"x": b"whole"}
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(b"by another program")
        assert path.read_bytes() == b"whole"
    assert contents(path.parent) == {"x": b"by another program"}


def test_an_error_leaves_the_old_file(tmp_path):
    write_bytes(tmp_path / "x", b"old")
    with pytest.raises(KeyError), atomic_write(tmp_path / "x") as file:
        file.write(b"new")
        raise KeyError
    assert contents(tmp_path) == {"x": b"old"}


def test_a_file_too_large_leaves_the_old_one(tmp_path):
    write_bytes(tmp_path / "x", b"old")
    with (
        files_limited_to(1 << 16),
        pytest.raises(NotWritten, match=r"x cannot be written: File too"),
    ):
        write_bytes(tmp_path / "x", bytes(1 << 20))
    assert contents(tmp_path) == {"x": b"old"}


FILL = """
import sys
from pathlib import Path
from wavenet_ae.storage import NotWritten, append_line, write_bytes
path = Path(sys.argv[1]) / "x"
write_bytes(path, b"old")
for write in (lambda: write_bytes(path, bytes(10 ** 6)), lambda: append_line(path, "a" * 10 ** 6)):
    try:
        write()
    except NotWritten as error:
        print(error)
print(path.read_bytes()[:3], sorted(each.name for each in path.parent.iterdir()))
"""


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
def test_a_full_file_system_is_named_and_keeps_the_old_file(tmp_path):
    done = on_small_disk(tmp_path, 64, [sys.executable, "-c", FILL, str(tmp_path)])
    first, second, last = done.stdout.splitlines()
    for line in (first, second):
        assert line.startswith(
            f"{tmp_path / 'x'} cannot be written: No space left on device on the disk at "
        )
        assert "run the same command again" in line and "resume" not in line
    assert last == "b'old' ['x']"


@pytest.mark.parametrize(
    "write", [lambda path: write_bytes(path, b""), lambda path: append_line(path, "")]
)
def test_a_folder_that_is_a_file_is_named(write, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match=r"file/x cannot be written: "):
        write(tmp_path / "file" / "x")


def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path):
    for name in ("x" * 255, "é" * 127):
        with suppress(KeyError), atomic_write(tmp_path / name) as file:
            (unfinished,) = contents(tmp_path)
            file.write(b"half")
            raise KeyError
        write_bytes(tmp_path / name, b"whole")
        assert contents(tmp_path) == {name: b"whole"} and UNFINISHED.fullmatch(unfinished)
        (tmp_path / name).unlink()


@pytest.mark.parametrize(("name", "reason"), [("x" * 256, "File name too long"), ("a\0b", "NUL")])
def test_a_name_that_no_file_can_have_is_refused_with_its_own_remedy(name, reason, tmp_path):
    with pytest.raises(NotWritten, match=f"cannot be written: .*{reason}.*Choose a shorter or"):
        write_bytes(tmp_path / name, b"")
    with pytest.raises(NotWritten, match="cannot be written"):
        write_bytes(tmp_path / ("x" * 256) / "a", b"")
    remove_unfinished(tmp_path / ("x" * 256))
    assert contents(tmp_path) == {}


def test_what_concerns_another_file_is_not_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"), atomic_write(tmp_path / "x"):
        (tmp_path / "missing").read_bytes()


def test_the_error_comes_whole_from_a_process_of_a_pool():
    error = NotWritten(Path("a/b"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) and copy.error.errno == errno.ENOSPC and copy.path == Path("a/b")


KILLED = """
import sys, time
from pathlib import Path
from wavenet_ae.storage import atomic_write
with atomic_write(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_kill_leaves_can_be_removed_and_nothing_else(tmp_path):
    (tmp_path / ".mine.partial").write_bytes(b"not ours")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "x")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"writing\n"
        process.kill()
    assert len(contents(tmp_path)) == 2 and not (tmp_path / "x").exists()
    remove_unfinished(tmp_path)
    assert contents(tmp_path) == {".mine.partial": b"not ours"}


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with suppress(KeyError), atomic_write(tmp_path / "x") as one:
        one.write(b"one")
        with atomic_write(tmp_path / "x") as other:
            other.write(b"other")
        raise KeyError
    assert contents(tmp_path) == {"x": b"other"}
