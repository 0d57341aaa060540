"""Export of units and vectors for ABX (Schatz 2016; Poli et al. 2025, "fastabx").

ABX asks whether an instance of a phone is nearer to another instance of the same phone than to one
of another phone. The export has the format of fastabx, each code at its own instant:

    FOLDER/phones.item         items of the exported recordings
           features/NAME.pt    (N, D) float32 vectors, or (N, 1) int64 units
           times/NAME.pt       (N,) float64 seconds
           settings.json       settings of the comparison, and what was left out

NAME is the item file's name of a recording. abx_scores.py scores such a folder, and
fastabx_scores.py lets fastabx do so.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.errors import UserError
from wavenet_ae.labels import Item
from wavenet_ae.metrics.alignment_distances import FrameDistance
from wavenet_ae.storage import write_bytes, write_errors

COLUMNS = ("#file", "onset", "offset", "#phone", "prev-phone", "next-phone", "speaker")
ITEMS, FEATURES, TIMES, SETTINGS = "phones.item", "features", "times", "settings.json"
# fastabx rounds instants to the decimals of its items, so they are written in microseconds.
DECIMALS = 6


@dataclass(frozen=True)
class AbxSettings:
    """Settings of an ABX comparison.

    Attributes:
        distance: `identical` for units, `angular` for vectors.
        contexts: `within` the same neighboring phones, `any` neighbors, or both.
        max_size_group: Instances of A, of B and of X per group, at most; 10 in the challenges.
        max_x_across: Speakers of X for each A and B, at most; 5 in the challenges.
        seed: Seed of the sampling of these.
    """

    distance: FrameDistance
    contexts: tuple[str, ...] = ("within", "any")
    max_size_group: int = 10
    max_x_across: int = 5
    seed: int = 0


@dataclass(frozen=True)
class AbxExport:
    """Result of an export.

    Attributes:
        folder: The exported folder.
        num_items: Exported items.
        num_recordings: Exported recordings.
        num_elsewhere: Items of recordings that were not added.
        num_empty: Items of added recordings without a code inside.
    """

    folder: Path
    num_items: int
    num_recordings: int
    num_elsewhere: int
    num_empty: int


class AbxExporter:
    """Writer of an export, recording by recording.

    Args:
        folder: Folder to write.
        items: Items of all recordings.
        settings: Settings of the comparison.

    Raises:
        UserError: If the items lack a column.
    """

    def __init__(self, folder: Path, items: Sequence[Item], settings: AbxSettings) -> None:
        self.folder, self.settings = folder, settings
        self._items: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            self._items[item.file].append(item)
        missing = [name for name in COLUMNS if items and name not in items[0].fields]
        if missing:
            raise UserError(
                f"{items[0].where}: no column {', '.join(missing)}, which ABX needs: use an .item "
                "file with all columns of ZeroSpeech"
            )
        self._kept: list[Item] = []
        self._names: list[str] = []
        self._numbers: dict[bytes, int] = {}
        (folder / ITEMS).unlink(missing_ok=True)  # an earlier export is incomplete from now on

    def add(self, name: str, units: np.ndarray, seconds: np.ndarray) -> None:
        """Writes the units or vectors of one recording; recordings without items are skipped.

        Args:
            name: The item file's name of the recording.
            units: Codes `(N,)` or `(N, H)` int, of which equal rows are one unit, or vectors `(N,
                D)` float.
            seconds: `(N,)` instants.

        Raises:
            UserError: If the name would lead out of the folder.
        """
        assert len(units) == len(seconds), (units.shape, seconds.shape)
        if name not in self._items:
            return
        times = torch.from_numpy(np.asarray(seconds, np.float64)).round(decimals=DECIMALS)
        self._kept += [item for item in self._items[name] if _holds_any(item, times)]
        self._names.append(name)
        is_vectors = np.issubdtype(units.dtype, np.floating)
        features = units.astype(np.float32) if is_vectors else self._numbered(units)
        _save(torch.from_numpy(features), _inside(self.folder / FEATURES, name))
        _save(times, _inside(self.folder / TIMES, name))

    def finish(self) -> AbxExport:
        """Writes the settings and the list of items.

        Raises:
            UserError: If no item is left to compare.
        """
        of_added = sum(len(self._items[name]) for name in self._names)
        export = AbxExport(
            folder=self.folder,
            num_items=len(self._kept),
            num_recordings=len(self._names),
            num_elsewhere=sum(map(len, self._items.values())) - of_added,
            num_empty=of_added - len(self._kept),
        )
        if not self._kept:
            raise UserError(
                "no item of the .item file contains a code of the evaluated recordings: does its "
                f"first column ({next(iter(self._items), 'empty')}, ...) name them?"
            )
        counts = {key: value for key, value in asdict(export).items() if key != "folder"}
        settings = json.dumps(asdict(self.settings) | counts, indent=2)
        write_bytes(self.folder / SETTINGS, settings.encode() + b"\n")
        lines = [" ".join(COLUMNS), *map(_line, self._kept)]
        write_bytes(self.folder / ITEMS, "".join(line + "\n" for line in lines).encode())
        return export

    def _numbered(self, codes: np.ndarray) -> np.ndarray:
        """Numbers `(N, 1)` of codes, the same for equal rows of all recordings."""
        rows = np.ascontiguousarray(codes, np.int64).reshape(len(codes), -1)
        numbers = [self._numbers.setdefault(row.tobytes(), len(self._numbers)) for row in rows]
        return np.array(numbers, np.int64)[:, None]


def _holds_any(item: Item, times: Tensor) -> bool:
    row = item.row()
    return bool(((row.begin <= times) & (times <= row.end)).any())


def _line(item: Item) -> str:
    times = [f"{Decimal(item.fields[name]):.{DECIMALS}f}" for name in ("onset", "offset")]
    return " ".join([item.file, *times, *(item.fields[name] for name in COLUMNS[3:])])


def _inside(folder: Path, name: str) -> Path:
    """Returns the path of a recording's tensor; the name must not lead out of the folder."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        raise UserError(f"the item file names a recording {name!r}: use a path below a folder")
    return folder / f"{name}.pt"


def _save(tensor: Tensor, path: Path) -> None:
    """Writes a tensor; the export is complete when its items are written, which comes last."""
    content = io.BytesIO()
    torch.save(tensor, content)
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
