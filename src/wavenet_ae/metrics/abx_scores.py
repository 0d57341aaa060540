"""ABX scores by fastabx for folders that abx.py wrote.

    python -m wavenet_ae.metrics.abx_scores FOLDER...    writes FOLDER/scores.json

fastabx needs Python 3.12 or later (`pip install '.[abx]'`). Groups and their averages are those of
the ZeroSpeech 2021 challenge, as in `fastabx.zerospeech_abx`. The frames of an item are those whose
instants lie in it, ends included.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.metrics.abx import FEATURES, ITEMS, SETTINGS, TIMES
from wavenet_ae.reading import read_json
from wavenet_ae.storage import write_bytes

SCORES = "scores.json"
SPEAKERS = ("within", "across")
LIBRARIES = ("fastabx", "torchdtw", "polars", "torch")
NEIGHBORS = ["prev-phone", "next-phone"]


@dataclass(frozen=True)
class AbxScore:
    """ABX error rate of one condition.

    Attributes:
        speaker: `within`: A, B and X of one speaker; `across`: X of another speaker.
        context: `within`: the same neighboring phones; `any`: any neighbors.
        error_rate: Share of triples in which X is nearer to the wrong one, ties counting half: 0 at
            best, 0.5 by chance; None if there is no triple.
        num_cells: Groups of triples that were averaged.
        by: What is equal within a group.
        across: What differs for X.
        levels: Order of averaging.
    """

    speaker: str
    context: str
    error_rate: float | None
    num_cells: int
    by: list[str]
    across: list[str]
    levels: list[Any]


@dataclass(frozen=True)
class AbxResult:
    """ABX scores of an exported folder.

    Attributes:
        scores: Scores for each context, within and across speakers.
        settings: Settings of the export, and what was left out.
        versions: Versions of Python and of the libraries.
    """

    scores: list[AbxScore]
    settings: dict[str, Any]
    versions: dict[str, str]


def can_run() -> bool:
    """Returns whether fastabx is installed."""
    return find_spec("fastabx") is not None


def how_to_run(*folders: Path) -> str:
    """Returns instructions for scoring folders without fastabx in this environment."""
    command = shlex.join(["python", "-m", "wavenet_ae.metrics.abx_scores", *map(str, folders)])
    return (
        "ABX was exported, not computed: fastabx is not installed. In an environment of Python "
        f"3.12 or later with `pip install '.[abx]'`, run `{command}`"
    )


def run_abx(folder: Path) -> AbxResult:
    """Scores an exported folder in a separate process, see `main`.

    Args:
        folder: Folder that `AbxExporter` wrote; `scores.json` is added to it.

    Raises:
        UserError: If the export is incomplete, or fastabx is not installed or fails.
    """
    _check(folder)
    # -P: no module is imported from the working directory, which may be someone else's.
    command = [sys.executable, "-P", "-m", "wavenet_ae.metrics.abx_scores", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1]
        raise UserError(
            f"fastabx failed on {folder}: {last}\nRun `{shlex.join(command)}` for all its output"
        )
    saved = read_json(folder / SCORES)
    return AbxResult(**saved | {"scores": [AbxScore(**each) for each in saved["scores"]]})


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
    """Scores one exported folder and writes `scores.json`.

    Raises:
        UserError: If the export is incomplete, or fastabx is not installed.
    """
    _check(folder)
    settings = read_json(folder / SETTINGS)
    result = AbxResult(
        scores=[
            _score(folder, settings, speaker, context)
            for context in settings["contexts"]
            for speaker in SPEAKERS
        ],
        settings=settings,
        versions={"python": platform.python_version()}
        | {each: version(each) for each in LIBRARIES},
    )
    write_bytes(folder / SCORES, json.dumps(asdict(result), indent=2).encode() + b"\n")


def _check(folder: Path) -> None:
    if not (folder / ITEMS).is_file():
        raise UserError(f"{folder} has no {ITEMS}: it is not a complete export for ABX")
    if not can_run():
        raise UserError(how_to_run(folder))


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
        return AbxScore(speaker, context, None, 0, by, across, levels)
    score = fastabx.Score(task, settings["distance"], progress=False)
    error_rate = float(score.collapse(levels=levels))
    return AbxScore(speaker, context, error_rate, len(task), by, across, levels)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
