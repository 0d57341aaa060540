"""Files that are read whole: whatever is in them, what they hold or a `UserError` that names them.

A file from a disk may be cut off, of another kind, or made to harm.  Readers of a format parse it
into a schema, and raise a `UserError` that names file and line where it does not fit.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LFS_REMEDY = "is a Git LFS pointer, not the file itself: fetch the file with `git lfs pull`"
NUM_SHOWN = 80  # characters of a value in an error message


def read_bytes(path: Path) -> bytes:
    """Reads a file.

    Raises:
        UserError: There is no such file, it cannot be read, or it is a Git LFS pointer.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    if content.startswith(LFS_POINTER):
        raise UserError(f"{path} {LFS_REMEDY}")
    return content


def read_text(path: Path) -> str:
    """Reads a text: UTF-16 if its first bytes are, else UTF-8, with a byte order mark or without.

    Raises:
        UserError: It cannot be read, or is no such text.
    """
    content = read_bytes(path)
    encoding = _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not {encoding.upper().removesuffix('-SIG')} text ({error.reason} at byte "
            f"{error.start}): save it as UTF-8"
        ) from None


def _encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    match [byte == 0 for byte in content[:4]]:  # ASCII in two bytes each
        case [False, True, False, True]:
            return "utf-16-le"
        case [True, False, True, False]:
            return "utf-16-be"
    return "utf-8-sig"


def read_json(path: Path) -> Any:
    """Reads a file of JSON.

    Raises:
        UserError: It cannot be read, or is not JSON.
    """
    return _parsed(read_text(path), str(path))


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Yields the number of each line of a file and what it holds as JSON, without blank lines.

    Raises:
        UserError: The file cannot be read, or a line is not JSON.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, _parsed(line, f"{path}, line {number}")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error})") from None


def shown(value: object) -> str:
    """Returns a value for an error message, cut off where it is long."""
    text = repr(value)
    return text if len(text) <= NUM_SHOWN else f"{text[: NUM_SHOWN - 3]}..."
