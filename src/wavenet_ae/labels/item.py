"""Reader of ZeroSpeech's and Libri-Light's item files: phones of many recordings, in seconds.

#file onset offset #phone prev-phone next-phone speaker
6295-244435-0009 0.2925 0.4725 IH L NG 6295
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wavenet_ae.errors import UserError, counted
from wavenet_ae.labels.segments import DamagedLabels, Row, Segments, read_lines, segments_of
from wavenet_ae.reading import shown

NEEDED = ("#file", "onset", "offset", "#phone")


@dataclass(frozen=True)
class Item:
    """Row of an item file.

    Attributes:
        fields: Fields by column.
        where: File and line, for error messages.
        damage: What is wrong with the row, or "".
    """

    fields: dict[str, str]
    where: str
    damage: str = ""

    @property
    def file(self) -> str:
        """Recording that the item is from, as the file names it."""
        return self.fields["#file"]

    def row(self) -> Row:
        """Returns the item as a segment in seconds.

        Raises:
            DamagedLabels: If the row is damaged, or onset or offset is not a number.
        """
        if self.damage:
            raise DamagedLabels(f"{self.where}: {self.damage}")
        times = [self.fields["onset"], self.fields["offset"]]
        try:
            begin, end = map(float, times)
        except ValueError:
            raise DamagedLabels(
                f"{self.where}: onset and offset must be seconds, not {shown(times)}"
            ) from None
        values = " ".join([*times, self.fields["#phone"]])
        return Row(begin, end, self.fields["#phone"], f"{self.where}: {shown(values)}")


def read_item_file(path: Path) -> list[Item]:
    """Reads all rows of an item file, in its order.

    A row with too few or too many fields is one that is damaged.

    Raises:
        UserError: If a column is missing, or a row does not say which recording it is of; names
            file and line.
    """
    header, *lines = read_lines(path) or [""]
    columns = header.split()
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise UserError(
            f"{path}, line 1: {shown(header)} does not name the columns {', '.join(missing)}: "
            "is this an .item file?"
        )
    items = []
    for number, line in enumerate(lines, start=2):
        cells, where = line.split(), f"{path}, line {number}"
        if not cells:
            continue
        damage = ""
        if len(cells) != len(columns):
            damage = f"{counted(len(cells), 'field')} under {counted(len(columns), 'column')}"
        fields = dict(zip(columns, cells, strict=False))
        if "#file" not in fields:
            raise UserError(f"{where}: {damage}")
        items.append(Item(fields, where, damage))
    return items


def items_by_file(path: Path) -> dict[str, list[Item]]:
    """Returns the items of each recording that an item file names.

    Raises:
        UserError: If the file cannot be read.
    """
    items: dict[str, list[Item]] = defaultdict(list)
    for item in read_item_file(path):
        items[item.file].append(item)
    return dict(items)


def segments_of_items(items: Sequence[Item], path: Path) -> Segments:
    """Returns the items of one recording as its segments.

    Raises:
        DamagedLabels: If a row is no segment, or phones overlap: items of triphones reach over
            their neighbors, and do not say which phone is where.
    """
    remedy = ": use items of phones, because items of triphones overlap"
    return segments_of(sorted(item.row() for item in items), path, remedy)
