"""Reader of TIMIT's label files: a line `begin end label` per segment, in samples at 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from wavenet_ae.errors import counted
from wavenet_ae.labels.segments import DamagedLabels, Row, Segments, read_lines, segments_of
from wavenet_ae.reading import shown

LABEL_RATE = 16_000


def read_phn(path: Path) -> Segments:
    """Reads the phones of a .phn file.

    Raises:
        DamagedLabels: If a line does not have the form `begin end label`; names file and line.
    """
    return segments_of(_rows(path), path)


def read_wrd(path: Path) -> Segments:
    """Reads the words of a .wrd file.

    Words may overlap where they share a sound, as `had your` do in TIMIT; the shared part is then
    assigned to the later word.

    Raises:
        DamagedLabels: If a line does not have the form `begin end label`; names file and line.
    """
    rows = list(_rows(path))
    trimmed = [
        row._replace(end=min(row.end, later.begin)) if later.begin > row.begin else row
        for row, later in pairwise(rows)
    ]
    return segments_of([*trimmed, rows[-1]], path)


def _rows(path: Path) -> Iterator[Row]:
    found = False
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            yield _row(line, f"{path}, line {number}: {shown(line.strip())}")
            found = True
    if not found:
        raise DamagedLabels(f"{path} has no labels: write a line 'begin end label' per segment")


def _row(line: str, where: str) -> Row:
    fields = line.split()
    if len(fields) != 3:
        raise DamagedLabels(f"{where} has {counted(len(fields), 'field')}, not 'begin end label'")
    try:
        begin, end = (int(each) / LABEL_RATE for each in fields[:2])
    except (ValueError, OverflowError):
        raise DamagedLabels(
            f"{where} must begin with two whole numbers, samples at {LABEL_RATE} Hz"
        ) from None
    return Row(begin, end, fields[2], where)
