"""SQLite file of a search, examined before Optuna opens it.

Optuna makes its tables in whatever file it is given, and answers a damaged one with a stack trace.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from wavenet_ae.errors import UserError
from wavenet_ae.reading import LFS_POINTER, LFS_REMEDY

LOCK_SECONDS = 60.0  # how long a process waits for another one that holds the database
STUDIES = "SELECT study_name FROM studies"
AGAIN = "then run the same command again to continue"
# Remedies by words of the error's text; any other error means a damaged file.
REMEDIES = {
    "locked": f"end the other process that uses it, {AGAIN}",
    **dict.fromkeys(
        ("Permission denied", "Read-only", "readonly", "unable to open"),
        f"let this user write the file and its folder, {AGAIN}",
    ),
    "full": f"free some space, {AGAIN}",
    "I/O error": f"see whether its disk is full or failing, {AGAIN}",
}
IF_DAMAGED = (
    "restore it from a copy, or set hydra.sweep.dir to another folder to start a new search"
)


class UnusableSearch(UserError):
    """A file that lies in the place of a search's database and cannot be used as one.

    Args:
        file: The file, which stays as it is.
        reason: What is wrong with it, which decides the remedy.
    """

    def __init__(self, file: Path, reason: str) -> None:
        remedy = next((REMEDIES[words] for words in REMEDIES if words in reason), IF_DAMAGED)
        super().__init__(
            f"{file} cannot be used as the record of a search: {reason}.  It is left as it is: "
            f"{remedy}"
        )


def require_search(file: Path, study: str) -> None:
    """Checks that a file is an intact database that holds a study, and that it may be written.

    Args:
        file: The database of a search.
        study: Name of the study.

    Raises:
        UserError: It is anything else, or another process holds it.
    """
    if not file.is_file():
        raise UnusableSearch(file, "it is not a file, or a link that leads nowhere")
    with database_errors(file):
        with file.open("r+b") as opened:  # refused if it cannot be written
            if opened.read(len(LFS_POINTER)) == LFS_POINTER:
                raise UserError(f"{file} {LFS_REMEDY}")
        with closing(sqlite3.connect(file, LOCK_SECONDS, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")  # refused if another process writes
            (found,), *_ = database.execute("PRAGMA integrity_check(1)")
            if found != "ok":
                raise UnusableSearch(file, f"it is damaged ({' '.join(str(found).split())})")
            if (study,) not in database.execute(STUDIES).fetchall():
                raise UnusableSearch(file, f"it has no study {study!r}")


@contextmanager
def database_errors(file: Path) -> Iterator[None]:
    """Turns errors of the file system, SQLite and Optuna's storage into `UnusableSearch`.

    Args:
        file: The database of a search.
    """
    try:
        yield
    except OSError as error:
        if error.filename != str(file):
            raise
        raise UnusableSearch(file, str(error.strerror)) from None
    except (sqlite3.Error, SQLAlchemyError, StorageInternalError) as error:
        raise UnusableSearch(file, _reason(error)) from error


@contextmanager
def value_errors(file: Path) -> Iterator[None]:
    """Turns all that Optuna raises for values that are not a search's into `UnusableSearch`.

    Args:
        file: The database of a search, of which the block only reads.
    """
    try:
        with database_errors(file):
            yield
    except UserError:
        raise
    except Exception as error:
        reason = f"its values are damaged ({type(error).__name__}: {error})"
        raise UnusableSearch(file, reason) from error


def _reason(error: BaseException) -> str:
    """Returns SQLite's own words, which SQLAlchemy and Optuna wrap in theirs."""
    own: BaseException | None = error
    while own is not None and not isinstance(own, sqlite3.Error):
        own = getattr(own, "orig", None) or own.__cause__
    return " ".join(str(own or error).split())
