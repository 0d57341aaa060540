"""ABX scores of folders that abx.py wrote.

    python -m wavenet_ae.metrics.abx_scores FOLDER...    writes FOLDER/scores.json

The frames of an item are those whose instants lie in it, ends included. Groups and their averages
are those of the ZeroSpeech 2021 challenge, see abx_task.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wavenet_ae.errors import UserError
from wavenet_ae.labels import Item, read_item_file
from wavenet_ae.metrics.abx import FEATURES, ITEMS, SETTINGS, TIMES
from wavenet_ae.metrics.abx_task import AbxCondition, AbxItem, abx_error
from wavenet_ae.metrics.alignment_distances import Sequences
from wavenet_ae.reading import read_json
from wavenet_ae.storage import write_bytes

SCORES = "scores.json"
SPEAKERS = ("within", "across")


@dataclass(frozen=True)
class AbxScore:
    """ABX error rate of one condition.

    Attributes:
        speaker: `within`: A, B and X of one speaker; `across`: X of another speaker.
        context: `within`: the same neighboring phones; `any`: any neighbors.
        error_rate: Share of triples in which X is nearer to the wrong one, ties counting half: 0 at
            best, 0.5 by chance; None if there is no triple.
        num_cells: Groups of triples that were averaged.
    """

    speaker: str
    context: str
    error_rate: float | None
    num_cells: int


@dataclass(frozen=True)
class AbxResult:
    """ABX scores of an exported folder.

    Attributes:
        scores: Scores for each context, within and across speakers.
        settings: Settings of the export, and what was left out.
    """

    scores: list[AbxScore]
    settings: dict[str, Any]


def score(folder: Path, done: Callable[[float], None] = lambda share: None) -> AbxResult:
    """Scores an exported folder, and writes `scores.json` into it.

    Args:
        folder: Folder that `AbxExporter` wrote.
        done: Called with the share of the work that is done.

    Raises:
        UserError: If the export is incomplete, or its vectors are not finite.
    """
    settings = read_settings(folder)
    items, frames = zip(*_phones(folder), strict=True)
    try:
        sequences = Sequences.of(list(frames), settings["distance"])
    except ValueError as error:
        raise UserError(f"{folder / FEATURES}: {error}") from None
    conditions = [(context, speaker) for context in settings["contexts"] for speaker in SPEAKERS]
    scores = []
    for number, (context, speaker) in enumerate(conditions):
        condition = AbxCondition(
            is_across=speaker == "across",
            same_context=context == "within",
            max_size_group=settings["max_size_group"],
            max_x_across=settings["max_x_across"],
            seed=settings["seed"],
        )
        found = abx_error(items, sequences, condition)
        scores.append(AbxScore(speaker, context, found.error_rate, found.num_cells))
        done((number + 1) / len(conditions))
    result = AbxResult(scores, settings)
    write_bytes(folder / SCORES, json.dumps(asdict(result), indent=2).encode() + b"\n")
    return result


def read_settings(folder: Path) -> dict[str, Any]:
    """Returns the settings of an export.

    Raises:
        UserError: If it is not complete.
    """
    if not (folder / ITEMS).is_file():
        raise UserError(f"{folder} has no {ITEMS}: it is not a complete export for ABX")
    settings: dict[str, Any] = read_json(folder / SETTINGS)
    return settings


def _phones(folder: Path) -> Iterator[tuple[AbxItem, np.ndarray]]:
    """Yields each phone of an export, and its frames (n, D)."""
    by_file: dict[str, list[Item]] = {}
    for item in read_item_file(folder / ITEMS):
        by_file.setdefault(item.file, []).append(item)
    for name, items in by_file.items():
        features = torch.load(folder / FEATURES / f"{name}.pt").numpy()
        times = torch.load(folder / TIMES / f"{name}.pt").numpy()
        for item in items:
            row, fields = item.row(), item.fields
            context = fields["prev-phone"], fields["next-phone"]
            of_item = (row.begin <= times) & (times <= row.end)
            yield AbxItem(fields["#phone"], context, fields["speaker"]), features[of_item]


if __name__ == "__main__":
    try:
        for each in sys.argv[1:]:
            score(Path(each))
    except UserError as error:
        sys.exit(str(error))
