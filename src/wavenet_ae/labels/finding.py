"""Location of a recording's labels: beside it, below another folder, or in an item file."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from wavenet_ae.errors import UserError
from wavenet_ae.labels.item import Item, items_by_file, segments_of_items
from wavenet_ae.labels.segments import Segments
from wavenet_ae.labels.textgrid import read_textgrid
from wavenet_ae.labels.timit import read_phn, read_wrd

BESIDE = "beside"
SUFFIXES = (".phn", ".wrd", ".TextGrid")
CHANNEL = re.compile(r"(\.\w+)#\d+$")  # end of a key with a channel: `a/b.wav#1`


class LabelSource(Protocol):
    """Source of the labels of recordings."""

    def of(self, key: str, path: Path) -> Segments | None:
        """Returns the labels of a recording, or None if it has none.

        Args:
            key: Path of the recording below the corpus's root, POSIX, with suffix and `#channel`.
            path: Path of the recording itself.

        Raises:
            DamagedLabels: It has labels that cannot be read.
        """

    def other_suffix(self, key: str, path: Path) -> str | None:
        """Returns the suffix of a label file of another kind that a recording has, or None."""


@dataclass(frozen=True)
class LabelFiles:
    """Label files, one for each recording.

    Attributes:
        suffix: .phn, .wrd or .TextGrid; files in lower or upper case are found too.
        root: Folder below which the label files mirror the recordings; None for files beside them.
        tier: Tier of a .TextGrid; may be empty if only one tier has intervals.
    """

    suffix: str
    root: Path | None = None
    tier: str = ""

    def of(self, key: str, path: Path) -> Segments | None:
        """Returns the labels of a recording, or None if it has no label file."""
        file = self._file(key, path, self.suffix)
        return None if file is None else read_segments(file, self.tier)

    def other_suffix(self, key: str, path: Path) -> str | None:
        """Returns the suffix of a label file of another kind that a recording has, or None."""
        return next((each for each in SUFFIXES if self._file(key, path, each) is not None), None)

    def _file(self, key: str, path: Path, suffix: str) -> Path | None:
        stem = path.with_suffix("") if self.root is None else self.root / key_stem(key)
        for each in (suffix, suffix.lower(), suffix.upper()):
            labels = stem.with_name(stem.name + each)
            if os.path.isfile(labels):
                return labels
        return None


@dataclass(frozen=True)
class ItemLabels:
    """Item file with the labels of all recordings.

    A `#file` of the item file is a key without suffix, the last part of one (as in the files of the
    ZeroSpeech challenges), or a key below more folders.

    Attributes:
        path: The item file.
    """

    path: Path

    def of(self, key: str, path: Path) -> Segments | None:
        """Returns the labels of a recording, or None if the item file does not name it."""
        name = self.name_of(key)
        return None if name is None else segments_of_items(self._items[name], self.path)

    def other_suffix(self, key: str, path: Path) -> str | None:
        """Returns None: an item file holds the labels of all recordings."""
        return None

    def name_of(self, key: str) -> str | None:
        """Returns the `#file` of a recording, or None if the item file does not name it.

        Raises:
            UserError: If the same `#file` already stands for another recording.
        """
        stem = key_stem(key)
        ends = (stem, PurePosixPath(stem).name)
        name = next((self._by_end[end] for end in ends if end in self._by_end), None)
        if name is not None and self._named.setdefault(name, stem) != stem:
            raise UserError(
                f"{self.path}: '#file' {name} may be {self._named[name]} or {stem}: "
                "write the whole path below the recordings' folder"
            )
        return name

    @cached_property
    def _items(self) -> dict[str, list[Item]]:
        return items_by_file(self.path)

    @cached_property
    def _by_end(self) -> dict[str, str]:
        """Names by themselves, and by the ends of their paths that are unique."""
        ends = [
            ("/".join(parts[first:]), name)
            for name in self._items
            for parts in [PurePosixPath(name).parts]
            for first in range(1, len(parts))
        ]
        times = Counter(end for end, _ in ends)
        unique = {end: name for end, name in ends if times[end] == 1}
        return {**unique, **{name: name for name in self._items}}

    @cached_property
    def _named(self) -> dict[str, str]:
        return {}


def key_stem(key: str) -> str:
    """Returns a key without its suffix and `#channel`."""
    return str(PurePosixPath(CHANNEL.sub(r"\1", key)).with_suffix(""))


def read_segments(path: str | Path, tier: str = "") -> Segments:
    """Reads the label file of one recording, by its suffix.

    Args:
        path: A .phn, .wrd or .TextGrid file.
        tier: Tier of a .TextGrid; may be empty if only one tier has intervals.

    Raises:
        DamagedLabels: If the file cannot be read; names file and line.
        UserError: If the file is of another kind.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".phn":
            return read_phn(path)
        case ".wrd":
            return read_wrd(path)
        case ".textgrid":
            return read_textgrid(path, tier)
    raise UserError(f"{path}: labels are read from {', '.join(SUFFIXES)} files")


def label_source(place: str, suffix: str, tier: str) -> LabelSource:
    """Returns the label source that a user names.

    Args:
        place: `beside`, a folder that mirrors the recordings' folder, or an .item file.
        suffix: Suffix of the label files.
        tier: Tier of .TextGrid files.

    Raises:
        UserError: If the place does not exist, or the suffix is unknown.
    """
    if place.endswith(".item"):
        if not os.path.isfile(place):
            raise UserError(f"there is no item file {place}: fix the path")
        return ItemLabels(Path(place))
    if suffix not in SUFFIXES:
        raise UserError(f"labels with suffix {suffix!r}: use one of {', '.join(SUFFIXES)}")
    if place == BESIDE:
        return LabelFiles(suffix, None, tier)
    if not os.path.isdir(place):
        raise UserError(f"labels at {place}: use 'beside', an existing folder, or an .item file")
    return LabelFiles(suffix, Path(place), tier)
