"""A search whose database is damaged, foreign or held: one clear error, and the file stays."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from helpers.searches import opened

from wavenet_ae.errors import UserError
from wavenet_ae.search import database
from wavenet_ae.search.database import database_errors
from wavenet_ae.search.study import FILE, Outcome

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> bytes:
    """Database of a search that has finished five trials."""
    folder = tmp_path_factory.mktemp("intact")
    trials = opened(folder)
    for _ in range(5):
        trials.tell(trials.ask(), Outcome(0.5))
    return (folder / FILE).read_bytes()


def altered(*statements: str) -> Callable[[bytes], bytes]:
    """Returns a function that does SQL statements in a database."""

    def alter(content: bytes) -> bytes:
        with closing(sqlite3.connect(":memory:")) as opened_database:
            opened_database.deserialize(content)
            for statement in statements:
                opened_database.execute(statement)
            opened_database.commit()
            return opened_database.serialize()

    return alter


def foreign(content: bytes) -> bytes:
    with closing(sqlite3.connect(":memory:")) as other:
        other.execute("CREATE TABLE recordings (path)")
        return other.serialize()


@pytest.mark.parametrize(
    "damage, reason",
    [
        (lambda content: b"", "no such table: studies"),
        (lambda content: content[:100], "malformed"),
        (lambda content: content[: len(content) // 2], "malformed"),
        (lambda content: content[:-4096], "malformed"),
        (lambda content: content[:8192] + bytes(40960) + content[49152:], "is damaged"),
        (lambda content: b"trial,loss\n1,0.5\n" * 100, "file is not a database"),
        (lambda content: POINTER, "git lfs pull"),
        (foreign, "no such table: studies"),
        (altered("DELETE FROM studies"), "no study 'search'"),
        (altered("DELETE FROM study_user_attributes"), "KeyError"),
        (altered("UPDATE study_user_attributes SET value_json = '{'"), "JSONDecodeError"),
        (altered("UPDATE study_directions SET direction = 'MAXIMIZE'"), "direction is maximize"),
        (altered("UPDATE trial_params SET distribution_json = '{'"), "JSONDecodeError"),
        (altered("UPDATE trial_params SET param_value = 99"), "IndexError"),
        (altered("UPDATE trials SET state = 'X'"), "LookupError"),
        (altered("UPDATE alembic_version SET version_num = 'v99'"), "no longer compatible"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_and_left(tmp_path, intact, damage, reason):
    file = tmp_path / FILE
    content = damage(intact)
    assert content != intact
    file.write_bytes(content)
    with pytest.raises(UserError, match=reason) as error:
        opened(tmp_path)
    text = str(error.value)
    assert str(file) in text and "\n" not in text
    assert "set hydra.sweep.dir" in text or "git lfs pull" in text
    assert file.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "place",
    [Path.mkdir, os.mkfifo, lambda file: file.symlink_to("nowhere")],
    ids=["folder", "pipe", "dangling link"],
)
def test_what_is_no_file_is_never_replaced_by_a_new_search(tmp_path, place):
    file = tmp_path / FILE
    place(file)
    before = file.lstat()
    with pytest.raises(UserError, match=r"search\.db cannot be used.*not a file.*hydra\.sweep"):
        opened(tmp_path)
    assert file.lstat().st_ino == before.st_ino


def test_a_database_that_another_process_holds_is_refused(tmp_path, intact, monkeypatch):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    file = tmp_path / FILE
    file.write_bytes(intact)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"locked.*end the other process that uses it"):
            opened(tmp_path)
    assert opened(tmp_path).num_finished() == 5


def test_a_database_that_may_not_be_written_is_refused(intact):
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, FILE)
        file.write_bytes(intact)
        file.chmod(0o444)
        Path(place).chmod(0o755)
        user = os.geteuid()
        os.seteuid(user or 65534)  # to root no file is read-only
        try:
            with pytest.raises(UserError, match=r"Permission denied.*let this user write"):
                opened(Path(place))
        finally:
            os.seteuid(user)
        assert file.read_bytes() == intact


def test_a_database_that_fails_during_a_search_ends_with_the_remedy(tmp_path):
    trials = opened(tmp_path)
    trials.tell(trials.ask(), Outcome(0.5))
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:20000])
    with (
        pytest.raises(UserError, match=r"search\.db cannot be used.*malformed.*hydra\.sweep\.dir"),
        database_errors(tmp_path / FILE),
    ):
        trials.tell(trials.ask(), Outcome(0.25))


@pytest.mark.parametrize("name", ["a?b=1", "a%20b", "x#y", "ü 'q'", "a?mode=memory"])
def test_a_search_lies_in_the_folder_that_was_named(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    trials = opened(folder)
    trials.tell(trials.ask(), Outcome(0.5))
    assert opened(folder).num_finished() == 1
    assert [each.name for each in folder.iterdir()] == [FILE]
    assert [each.name for each in tmp_path.iterdir()] == [name]
