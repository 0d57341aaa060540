"""Tab-separated tables with a digest of their content as the last line.

A table may have a million rows: neither side ever holds them both as rows and as columns.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from wavenet_ae.errors import UserError

ROWS_AT_ONCE = 4096
SEAL = "#blake2b"  # first cell of the last line, whose second cell is the digest of all before it


def new_digest() -> hashlib.blake2b:
    """Returns a hash whose digest has 16 hexadecimal digits, as `digest_of` has."""
    return hashlib.blake2b(digest_size=8)


def digest_of(data: bytes) -> str:
    """Returns a hash of 16 hexadecimal digits."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def encoded_table(rows: Iterable[Sequence[object]]) -> bytes:
    """Encodes rows as tab-separated text; cells may contain tabs, or bytes that are not UTF-8."""
    data, rows = io.BytesIO(), iter(rows)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        text = io.StringIO()
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows(some)
        data.write(text.getvalue().encode("utf-8", "surrogateescape"))
    return data.getvalue()


def sealed(table: bytes) -> bytes:
    """Returns an encoded table with a line that holds its digest."""
    return table + encoded_table([(SEAL, digest_of(table))])


def read_columns(
    path: Path, names: Sequence[str], added: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Reads the columns of a table that `encoded_table` wrote, `sealed` or not.

    Args:
        path: The table.
        names: Its first row.
        added: Names that may follow them; without them, the result has no such columns.

    Raises:
        UserError: If the table cannot be read, has other columns, or is damaged.
    """
    try:
        size = _checked_size(path)
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
            rows = csv.reader(text, delimiter="\t")
            found = tuple(next(rows, ()))
            if found not in (tuple(names), (*names, *added)):
                raise UserError(f"{path} does not have the columns {', '.join(names)}")
            columns: list[list[str]] = [[] for _ in found]
            while some := list(islice(rows, ROWS_AT_ONCE)):
                if size and some[-1][:1] == [SEAL] and len(some[-1]) == 2:
                    some.pop()
                for column, cells in zip(columns, zip(*some, strict=True), strict=bool(some)):
                    column.extend(cells)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}. {remedy(path)}") from error
    return dict(zip(found, columns, strict=True))


def whole_numbers(cells: Sequence[str], path: Path, column: str) -> np.ndarray:
    """Returns the cells of a column of a table as int64.

    Args:
        cells: The cells.
        path: The table, for error messages.
        column: Name of the column, for error messages.

    Raises:
        UserError: If one is not a whole number of at least 0.
    """
    try:
        numbers = np.array(cells, dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path} is damaged: {column}: {error}. {remedy(path)}") from None
    if (numbers < 0).any():
        row = int(np.argmax(numbers < 0))
        raise UserError(
            f"{path}, row {row + 1}, is damaged: {column} is {numbers[row]}. {remedy(path)}"
        )
    return numbers


def remedy(path: Path) -> str:
    """Returns what to do about a damaged file of a cache."""
    return f"Check the disk, delete {path}, and run the same command again to pack it again"


def _checked_size(path: Path) -> int:
    """Returns the size of what the last line of a table is the digest of; 0 if it has none."""
    length = len(sealed(b""))
    with path.open("rb") as file:
        size = max(file.seek(0, io.SEEK_END) - length, 0)
        file.seek(size)
        seal = file.read()
        if not seal.startswith(SEAL.encode() + b"\t"):
            return 0
        file.seek(0)
        digest, left = new_digest(), size
        while left and (data := file.read(min(left, 1 << 20))):
            digest.update(data)
            left -= len(data)
    if seal != encoded_table([(SEAL, digest.hexdigest())]):
        raise ValueError("its digest is another than its last line says")
    return size
