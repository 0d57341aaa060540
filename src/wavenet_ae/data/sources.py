"""Sources of recordings: a folder per speaker, or a table of speakers and paths."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

from wavenet_ae.audio.ffmpeg import FFMPEG_SUFFIXES
from wavenet_ae.data.parts import Part, parsed_times, part_key
from wavenet_ae.data.recordings import SPLITS, Recording, Source, grouped
from wavenet_ae.errors import UserError, counted
from wavenet_ae.reading import read_text
from wavenet_ae.schema import NonNegative

logger = logging.getLogger(__name__)

AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".sph", ".nist", ".w64", ".rf64"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".voc"),
    *FFMPEG_SUFFIXES,
)
COLUMNS = ("speaker", "path", "split", "channel", "labels", "begin", "end")
# Columns of other programs' tables that may be meant for begin and end.
LIKE_TIMES = ("start", "stop", "onset", "offset", "start_time", "end_time", "begin_time")
LABEL_SUFFIXES = (".phn", ".PHN")
MOST_DIGITS = 9  # of a channel
# Names of splits in a table.
ALIASES = {"train": "train", "training": "train", "test": "test"} | dict.fromkeys(
    ("validation", "valid", "val", "dev"), "validation"
)


class FolderSource(Source):
    """Folder of recordings, searched to any depth; a folder's name is the speaker.

    With depth 1, recordings directly in the root belong to a speaker named after the root, so a
    flat folder of recordings is one speaker. Hidden files and folders (names that begin with a dot)
    are skipped, and links are followed. A `.phn` file beside a recording holds its labels.

    Args:
        root: Folder of recordings.
        speaker_depth: Level below the root of the folders that name speakers: 1 for
            `root/SPEAKER/.../x.wav`, 3 for TIMIT's `TRAIN/DR1/SPEAKER/x.wav`, 0 for a single
            speaker.

    Raises:
        UserError: If the root is empty or the depth negative.
    """

    def __init__(self, root: str, speaker_depth: NonNegative = 1) -> None:
        if not str(root):
            raise UserError("data.source.root is empty: set the folder that holds the recordings")
        if speaker_depth < 0:
            raise UserError(f"data.source.speaker_depth={speaker_depth}: use 0, 1, 2, ...")
        self.root = Path(root).expanduser()
        self.speaker_depth = speaker_depth

    def prepare(self) -> None:
        """Checks that the root is a folder.

        Raises:
            UserError: If it is not.
        """
        if not os.path.isdir(self.root):
            what = "is a file" if os.path.exists(self.root) else "no such folder"
            raise UserError(
                f"data.source.root={self.root}: {what}. Set a folder that holds one folder of "
                "recordings for each speaker."
            )

    def recordings(self) -> list[Recording]:
        """Returns all recordings, in order of their keys.

        Raises:
            UserError: If there is none, or one lies above the level of speakers.
        """
        self.prepare()
        name = self.root.resolve().name
        found = [
            Recording(key=key, path=path, speaker=self._speaker(name, key), labels=labels)
            for key, path, labels in _audio_below(self.root.absolute())
        ]
        if not found:
            raise UserError(
                f"data.source.root={self.root}: no recordings below it. Files with these suffixes "
                f"are recordings: {' '.join(sorted(AUDIO_SUFFIXES))}."
            )
        return sorted(found, key=lambda recording: recording.key)

    def _speaker(self, root: str, key: str) -> str:
        folders = [root, *key.split("/")[:-1]]
        if self.speaker_depth < len(folders):
            return sys.intern(folders[self.speaker_depth])  # one string object per speaker
        if self.speaker_depth == 1:
            return folders[0]
        raise UserError(
            f"data.source.speaker_depth={self.speaker_depth}: {self.root / key} lies only "
            f"{counted(len(folders) - 1, 'folder')} below data.source.root={self.root}, so its "
            "speaker is unknown. Lower the depth, move the file, or list the recordings in a table."
        )


class TableSource(Source):
    """Tab-separated table with a line `speaker<TAB>path` per recording.

    A first line that names the columns `speaker` and `path` may list them in any order and add
    `split` (train, validation or test), `channel` (from 0), `labels`, and `begin` and `end` in
    seconds, which make a part of the file an utterance; other columns are ignored.

    Args:
        path: The table.
        root: Folder from which relative paths start; by default the table's own folder.
    """

    def __init__(self, path: str, root: str | None = None) -> None:
        self.path = Path(path).expanduser()
        self.base = Path(root).expanduser().absolute() if root else self.path.absolute().parent

    @cached_property
    def root(self) -> Path:  # type: ignore[override]
        """The deepest folder that holds all recordings of the table."""
        folders = {os.path.abspath(recording.path.parent) for recording in self._listed}
        return Path(os.path.commonpath(folders))

    def prepare(self) -> None:
        """Checks that the table exists.

        Raises:
            UserError: If it does not.
        """
        if not os.path.isfile(self.path):
            raise UserError(
                f"data.source.path={self.path}: no such file. Set a table with a line "
                "`speaker<TAB>path` for each recording."
            )

    def recordings(self) -> list[Recording]:
        """Returns all recordings, in order of their keys.

        Raises:
            UserError: If the table is missing, empty or invalid; names the line.
        """
        return list(self._listed)

    @cached_property
    def _listed(self) -> list[Recording]:
        self.prepare()
        lines: dict[object, int] = {}  # by key, and by file and channel however they are spelled
        found = []
        names_in = cache(_names_in)  # each folder is listed once
        for number, cells in self._rows():
            recording = self._recording(number, cells, names_in)
            times = recording.part and (recording.part.begin, recording.part.end)
            for same in (recording.key, (str(recording.path), recording.channel, times)):
                if same in lines:
                    self._fail(number, f"{recording.key} is already in line {lines[same]}")
                lines[same] = number
            found.append(recording)
        if not found:
            raise UserError(f"data.source.path={self.path}: the table lists no recordings")
        return sorted(grouped(found), key=lambda recording: recording.key)

    def _rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yields the line number, and the cells by column, of each line that is not blank."""
        columns: list[str] | None = None
        try:
            text = read_text(self.path)
        except UserError as error:
            raise UserError(f"data.source.path: {error}") from None
        for number, line in enumerate(text.split("\n"), start=1):
            cells = [cell.strip() for cell in line.split("\t")]
            if not any(cells):
                continue
            if columns is None:
                names = [cell.lower() for cell in cells]
                columns = names if self._is_header(number, names) else ["speaker", "path"]
                if columns is names:
                    continue
            yield number, dict(zip(columns, cells, strict=False))

    def _is_header(self, number: int, names: list[str]) -> bool:
        known = {"speaker", "path"} & set(names)
        if len(known) == 1:
            self._fail(number, f"the header has a column {known.pop()!r}, but needs speaker, path")
        if known and (twice := [name for name in COLUMNS if names.count(name) > 1]):
            self._fail(number, f"the header has the column {twice[0]!r} more than once")
        if known and not {"begin", "end"} & set(names):
            self._warn_of_times([name for name in names if name in LIKE_TIMES])
        return bool(known)

    def _warn_of_times(self, names: Sequence[str]) -> None:
        if names:
            logger.warning(
                "%s: the columns %s are ignored, and whole recordings are used: name them begin "
                "and end, in seconds, to use parts",
                *(self.path, ", ".join(names)),
            )

    def _recording(
        self, number: int, cells: dict[str, str], names_in: Callable[[Path], Collection[str]]
    ) -> Recording:
        speaker, given = cells.get("speaker", ""), cells.get("path", "")
        if not speaker or not given:
            self._fail(number, f"expected speaker<TAB>path, found {list(cells.values())}")
        channel = self._channel(number, cells.get("channel", ""))
        file = os.path.normpath(os.path.join(self.base, os.path.expanduser(given)))
        path, where = Path(file), f"{self.path}, line {number}"
        key, added = self._key(given, file), "" if channel is None else f"#{channel}"
        times = parsed_times(cells.get("begin", ""), cells.get("end", ""), where)
        return Recording(
            key=(part_key(key, *times) if times else key) + added,
            path=path,
            speaker=sys.intern(speaker),
            split=self._split(number, cells.get("split", "")),
            channel=channel,
            labels=self._labels(number, cells.get("labels", ""))
            or _labels_beside(path, names_in(path.parent)),
            part=Part(key + added, *times, where) if times else None,
        )

    def _key(self, given: str, file: str) -> str:
        below = os.path.join(self.base, "")
        if file.startswith(below):  # also if the table has absolute paths
            key = file.removeprefix(below)
        else:
            key = file if os.path.isabs(given) else os.path.relpath(file, self.base)
        return key.replace(os.sep, "/")

    def _channel(self, number: int, cell: str) -> int | None:
        if cell and not (cell.isascii() and cell.isdigit() and len(cell) <= MOST_DIGITS):
            self._fail(number, f"channel {cell!r}: use 0, 1, ... or leave it empty for the mean")
        return int(cell) if cell else None

    def _split(self, number: int, cell: str) -> str | None:
        if cell and cell.lower() not in ALIASES:
            self._fail(number, f"split {cell!r}: use {', '.join(SPLITS)}, or leave it empty")
        return ALIASES[cell.lower()] if cell else None

    def _labels(self, number: int, cell: str) -> str:
        if not cell:
            return ""
        path = self.base / Path(cell).expanduser()
        if not os.path.isfile(path):
            self._fail(number, f"labels {cell!r}: there is no file {path}")
        return str(path)

    def _fail(self, number: int, problem: str) -> None:
        raise UserError(f"{self.path}, line {number}: {problem}")


def _audio_below(root: Path) -> Iterator[tuple[str, Path, str]]:
    """Yields key, path and labels of each recording below `root`, found by suffix."""
    for folder, subfolders, names in os.walk(root, followlinks=True):
        subfolders[:] = [
            name for name in subfolders if not name.startswith(".") and not _is_circle(folder, name)
        ]
        here, there = Path(folder), set(names)
        prefix = "" if here == root else here.relative_to(root).as_posix() + "/"
        for name in names:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES:
                path = here / name
                yield prefix + name, path, _labels_beside(path, there)


def _is_circle(folder: str, name: str) -> bool:
    """Returns whether a name is a link to a folder that holds it, an endless loop."""
    path = os.path.join(folder, name)
    above = os.path.realpath(folder) + os.sep
    return os.path.islink(path) and above.startswith(os.path.realpath(path) + os.sep)


def _labels_beside(recording: Path, names: Collection[str]) -> str:
    """Returns the label file of a recording among the names of its folder, or ""."""
    stem = os.path.splitext(recording.name)[0]
    for suffix in LABEL_SUFFIXES:
        if stem + suffix in names:
            return str(recording.with_name(stem + suffix))
    return ""


def _names_in(folder: Path) -> Collection[str]:
    try:
        return frozenset(os.listdir(folder))
    except (OSError, ValueError):  # packing reports that its recordings cannot be read
        return ()
