"""Names of files that are made of other names: on one line, and no longer than a file system takes.

printable("a<TAB>b")        a\\tb
fitting("x" * 300)          its beginning, and a digest of the whole
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

LONGEST_NAME = 255  # bytes of a file's or a folder's name, on every usual file system
SUFFIX_BYTES = len(".flac")
DIGEST_DIGITS = 12
BREAKING = ("Cc", "Zl", "Zp")  # Unicode categories: control characters, breaks of lines
BYTE_ORDER_MARK = "\ufeff"


def printable(text: str) -> str:
    """Returns a name as text on one line, which can be printed, hashed and put into a table.

    Bytes that are not UTF-8, control characters and breaks of lines are escaped: a tab is `\\t`.
    """
    named = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(repr(each)[1:-1] if _is_breaking(each) else each for each in named)


def _is_breaking(character: str) -> bool:
    return unicodedata.category(character) in BREAKING or character == BYTE_ORDER_MARK


def fitting(name: str, suffix_bytes: int = SUFFIX_BYTES) -> str:
    """Returns a path, each of whose names is short enough for a file and leaves room for a suffix.

    The end of a longer name is replaced by a digest of the name.

    Args:
        name: The path, UTF-8.
        suffix_bytes: Bytes of the longest suffix that is appended.
    """
    room = LONGEST_NAME - suffix_bytes
    return "/".join(
        part if len(part.encode()) <= room else _shortened(part, room) for part in name.split("/")
    )


def _shortened(part: str, room: int) -> str:
    ending = "-" + hashlib.sha256(part.encode()).hexdigest()[:DIGEST_DIGITS]
    return part.encode()[: room - len(ending)].decode("utf-8", "ignore") + ending


def shown_path(path: Path) -> str:
    """Returns a path as a user in the working directory would write it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or the working directory is gone
        return str(path)
