"""Reader of Praat's TextGrid in its two text forms, long and short.

As Praat does, it reads only free-standing numbers, texts in quotes (a quote inside is doubled) and
flags in angle brackets, in their order. Everything else, such as `xmin =` and `intervals [1]:`, is
decoration, and `!` begins a comment. What remains is

    "ooTextFile" "TextGrid" begin end <exists> number of tiers, then for each tier
    "IntervalTier" name begin end number of intervals, for each   begin end text
    "TextTier"     name begin end number of points, for each      time text
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wavenet_ae.errors import UserError
from wavenet_ae.labels.segments import DamagedLabels, Row, Segments, segments_of
from wavenet_ae.reading import read_text, shown

TOKEN = re.compile(r'"(?:[^"]|"")*"|![^\n]*|[^\s"]+')
NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
INTERVALS = "IntervalTier"
NUM_TIMES = {INTERVALS: 2, "TextTier": 1}  # times of an entry, by class of tier


def read_textgrid(path: Path, tier: str = "") -> Segments:
    """Reads the intervals of a tier, without those that have no text.

    Args:
        path: The TextGrid.
        tier: Name of the tier; may be empty if only one tier has intervals.

    Raises:
        DamagedLabels: If the file is not a TextGrid (the text names file and line), or the tier
            cannot be determined (the text lists the tiers that exist).
    """
    tiers = list(_tiers(_Reader(path, _text(path))))
    wanted = [each for each in tiers if each.name == tier or not tier]
    if len(wanted) != 1:
        how_many = "several tiers" if wanted else "no tier"
        named = f" named {tier!r}" if tier else ""
        there = ", ".join(repr(each.name) for each in tiers) or "none"
        raise DamagedLabels(
            f"{path} has {how_many} of intervals{named}: set the name of one. There are: {there}."
        )
    return segments_of((row for row in wanted[0].rows if row.label), path)


class _Token(NamedTuple):
    value: str
    kind: str
    line: int


@dataclass(frozen=True)
class _Tier:
    name: str
    rows: list[Row]


class _Reader:
    """Numbers and texts of a file, one after the other."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self._tokens = path, _tokens(text)
        self.line = 1

    def text(self, what: str) -> str:
        return self._next("text", what)

    def numbers(self, how_many: int, what: str) -> list[float]:
        return [float(self._next("number", what)) for _ in range(how_many)]

    def count(self, what: str) -> int:
        (number,) = self.numbers(1, what)
        if number < 0 or not number.is_integer():
            raise self.error(f"{number:g} where {what} should be")
        return int(number)

    def error(self, problem: str) -> DamagedLabels:
        return DamagedLabels(f"{self.path}, line {self.line}: {problem}; is this a TextGrid?")

    def _next(self, kind: str, what: str) -> str:
        token = next(self._tokens, None)
        if token is None:
            raise self.error(f"the file ends where {what} should be")
        self.line = token.line
        if token.kind != kind:
            raise self.error(f"{shown(token.value)} where {what} should be")
        return token.value


def _tokens(text: str) -> Iterator[_Token]:
    line, end = 1, 0
    for found in TOKEN.finditer(text):
        line += text.count("\n", end, found.start())
        end, word = found.start(), found.group()
        if word.startswith('"'):
            yield _Token(word[1:-1].replace('""', '"'), "text", line)
        elif NUMBER.fullmatch(word):
            yield _Token(word, "number", line)


def _tiers(reader: _Reader) -> Iterator[_Tier]:
    """Tiers with intervals; tiers of points, which have no length, are skipped."""
    if not reader.text("'ooTextFile'").startswith("ooTextFile"):
        raise reader.error("it does not begin with 'ooTextFile'")
    if reader.text("'TextGrid'") != "TextGrid":
        raise reader.error("it does not say 'TextGrid'")
    reader.numbers(2, "its begin and end")
    for _ in range(reader.count("the number of tiers")):
        kind = reader.text("a tier's class")
        if kind not in NUM_TIMES:
            raise reader.error(f"a tier of class {kind!r}, not {' or '.join(NUM_TIMES)}")
        name = reader.text("a tier's name")
        reader.numbers(2, "a tier's begin and end")
        rows = [_row(reader, kind) for _ in range(reader.count("the number of intervals"))]
        if kind == INTERVALS:
            yield _Tier(name, rows)


def _row(reader: _Reader, kind: str) -> Row:
    times = reader.numbers(NUM_TIMES[kind], "a time")
    text = reader.text("the text of an interval")
    return Row(
        times[0], times[-1], text.strip(), f"{reader.path}, line {reader.line}: {shown(text)}"
    )


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UserError as error:
        raise DamagedLabels(f"cannot read the labels: {error}") from None
