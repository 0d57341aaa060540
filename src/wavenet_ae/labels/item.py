"""Reader of ZeroSpeech's and Libri-Light's item files: phones of many recordings, in seconds.

#file onset offset #phone prev-phone next-phone speaker
6295-244435-0009 0.2925 0.4725 IH L NG 6295
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from wavenet_ae.errors import UserError, counted
from wavenet_ae.labels.segments import Row, Segments, read_lines, segments_of

NEEDED = ("#file", "onset", "offset", "#phone")


@dataclass(frozen=True)
class Item:
    """Row of an item file.

    Attributes:
        fields: Fields by column.
        where: File and line, for error messages.
    """

    fields: dict[str, str]
    where: str

    @property
    def file(self) -> str:
        """Recording that the item is from, as the file names it."""
        return self.fields["#file"]

    def row(self) -> Row:
        """Returns the item as a segment in seconds.

        Raises:
            UserError: If onset or offset is not a number.
        """
        times = [self.fields["onset"], self.fields["offset"]]
        try:
            begin, end = map(float, times)
        except ValueError:
            raise UserError(
                f"{self.where}: onset and offset must be seconds, not {times}"
            ) from None
        shown = " ".join([*times, self.fields["#phone"]])
        return Row(begin, end, self.fields["#phone"], f"{self.where}: {shown!r}")


def read_item_file(path: Path) -> list[Item]:
    """Reads all rows of an item file, in its order.

    Raises:
        UserError: If a column is missing or a row is incomplete; names file and line.
    """
    header, *lines = read_lines(path) or [""]
    columns = header.split()
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise UserError(
            f"{path}, line 1: {header!r} does not name the columns {', '.join(missing)}: "
            "is this an .item file?"
        )
    items = []
    for number, line in enumerate(lines, start=2):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != len(columns):
            raise UserError(
                f"{path}, line {number}: {counted(len(fields), 'field')} under "
                f"{counted(len(columns), 'column')}"
            )
        items.append(Item(dict(zip(columns, fields, strict=True)), f"{path}, line {number}"))
    return items


def item_segments(path: Path) -> dict[str, Segments]:
    """Returns the segments of each recording that an item file names.

    Raises:
        UserError: If the file cannot be read, or phones overlap: items of triphones reach over
            their neighbors, and do not say which phone is where.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for item in read_item_file(path):
        rows[item.file].append(item.row())
    remedy = ": use items of phones, because items of triphones overlap"
    return {name: segments_of(sorted(each), path, remedy) for name, each in rows.items()}
