"""Scores of fastabx for folders that abx.py wrote, to check those of abx_scores.py.

    python -m wavenet_ae.metrics.fastabx_scores FOLDER...    writes FOLDER/fastabx_scores.json

fastabx needs Python 3.12 or later (`pip install '.[abx]'`). Groups and their averages are those of
the ZeroSpeech 2021 challenge, as in `fastabx.zerospeech_abx`. The frames of an item are those whose
instants lie in it, ends included.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.metrics.abx import FEATURES, ITEMS, TIMES
from wavenet_ae.metrics.abx_scores import SPEAKERS, AbxResult, AbxScore, read_settings
from wavenet_ae.storage import write_bytes

SCORES = "fastabx_scores.json"
LIBRARIES = ("fastabx", "torchdtw", "polars", "torch")
NEIGHBORS = ["prev-phone", "next-phone"]


def can_run() -> bool:
    """Returns whether fastabx is installed."""
    return find_spec("fastabx") is not None


def main(folders: list[str]) -> None:
    """Scores folders, in a process that has not imported polars yet.

    polars must have a single thread: with more, the speakers that are sampled for X depend on
    timing, whatever the seed.
    """
    assert "polars" not in sys.modules
    os.environ["POLARS_MAX_THREADS"] = "1"
    for folder in folders:
        score(Path(folder))


def score(folder: Path) -> None:
    """Scores one exported folder and writes `fastabx_scores.json`.

    Raises:
        UserError: If the export is incomplete, or fastabx is not installed.
    """
    settings = read_settings(folder)
    if not can_run():
        raise UserError(
            "fastabx is not installed: use an environment of Python 3.12 or later with "
            "`pip install '.[abx]'`, or score with wavenet_ae.metrics.abx_scores"
        )
    scores = [
        _score(folder, settings, speaker, context)
        for context in settings["contexts"]
        for speaker in SPEAKERS
    ]
    versions = {"python": platform.python_version()} | {each: version(each) for each in LIBRARIES}
    result = {**asdict(AbxResult(scores, settings)), "versions": versions}
    write_bytes(folder / SCORES, json.dumps(result, indent=2).encode() + b"\n")


def _score(folder: Path, settings: dict[str, Any], speaker: str, context: str) -> AbxScore:
    import fastabx

    neighbors = NEIGHBORS if context == "within" else []
    by = [*neighbors, *(["speaker"] if speaker == "within" else [])]
    across = ["speaker"] if speaker == "across" else []
    levels = [*([("next-phone", "prev-phone")] if neighbors else []), "speaker"]
    sampler = fastabx.Subsampler(
        settings["max_size_group"], settings["max_x_across"] if across else None, settings["seed"]
    )
    data = fastabx.Dataset.from_item_with_times(
        folder / ITEMS, folder / FEATURES, folder / TIMES, device="cpu", progress=False
    )
    try:
        task = fastabx.Task(data, on="#phone", by=by, across=across, subsampler=sampler)
    except fastabx.EmptyTaskError:
        return AbxScore(speaker, context, None, 0)
    score = fastabx.Score(task, settings["distance"], progress=False)
    error_rate = float(score.collapse(levels=levels))
    return AbxScore(speaker, context, error_rate, len(task))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
