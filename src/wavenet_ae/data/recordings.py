"""Recordings of a corpus, each of one speaker, and the base class of their sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wavenet_ae.data.parts import Part, overlap_groups

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono signal of one speaker.

    Attributes:
        key: Unique and stable name: the path below the root, POSIX, and `#channel` if one is set;
            a part's name has its times before the suffix.
        path: The file.
        speaker: Name of the speaker.
        split: `train`, `validation` or `test` if the user assigned it; None to split by hash.
        channel: Channel of the file, from 0; None for the mean of all channels.
        labels: Path of a label file (.phn), or "".
        part: The part of the file that it is; None for the whole file.
    """

    key: str
    path: Path
    speaker: str
    split: str | None = None
    channel: int | None = None
    labels: str = ""
    part: Part | None = None

    @property
    def whole(self) -> Recording:
        """The recording that this is a part of, or this one if it is whole."""
        if self.part is None:
            return self
        return replace(self, key=self.part.recording, part=None)


class Source:
    """Base class of sources of recordings.

    Attributes:
        root: Folder below which all recordings lie; nothing is written there.
    """

    root: Path

    def prepare(self) -> None:
        """Makes or downloads what is missing; called in one process, before `recordings`."""
        raise NotImplementedError

    def recordings(self) -> list[Recording]:
        """Returns all recordings, in order of their keys."""
        raise NotImplementedError


def grouped(recordings: Sequence[Recording]) -> list[Recording]:
    """Names the group of each part: parts of a file that overlap, on any channel, share it."""
    rows_by_path: dict[Path, list[int]] = {}
    for row, recording in enumerate(recordings):
        rows_by_path.setdefault(recording.path, []).append(row)
    named = list(recordings)
    for rows in rows_by_path.values():
        parts = [recordings[row].part for row in rows]
        if not any(parts):
            continue
        ranges = [(0.0, None) if part is None else (part.begin, part.end) for part in parts]
        whole = [row for row, part in zip(rows, parts, strict=True) if part is None]
        for row, part, first in zip(rows, parts, overlap_groups(ranges), strict=True):
            if part is not None:
                of = recordings[whole[0] if whole else rows[first]]
                name = of.key.removesuffix(f"#{of.channel}")
                named[row] = replace(recordings[row], part=replace(part, group=name))
    return named
