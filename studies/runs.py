"""Trainings of a study: each in a folder of its own, finished ones never trained again."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from wavenet_ae.audio.io import replacing
from wavenet_ae.checkpoint import newest_checkpoint, step_checkpoints
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.evaluation.demo_summary import units_of_run
from wavenet_ae.instantiate import instantiate
from wavenet_ae.loading import load
from wavenet_ae.models import Autoencoder

ROOT = Path(__file__).parents[1]
RUN_FOLDER = "hydra.run.dir="
# Figures of a run, and the digits that are shown.
DIGITS = {"perplexity": 1, "gain": 2, "nll": 2, "pnmi": 3, "pnmi_kmeans": 3, "pnmi_shuffled": 3}


def schedule(num_steps: int) -> list[str]:
    """Overrides that make a run so long, its schedule in proportion to the default's 2000 steps."""
    return [
        f"trainer.max_steps={num_steps}",
        f"validate_every_n_steps={num_steps // 5}",
        f"bottleneck.start_after={num_steps * 9 // 20}",
        f"optimizer.decay_after={num_steps * 7 // 10}",
        f"optimizer.half_life_steps={num_steps // 8}",
    ]


def finished_run(folder: Path, overrides: Sequence[str]) -> dict[str, float]:
    """Train into `folder`, or go on with what is there, and judge."""
    train(folder, overrides)
    return judged(folder)


def train(folder: Path, overrides: Sequence[str]) -> None:
    """Train into `folder`, or go on with what is there; one thread, so that two studies side by
    side do not wait for each other's.  Ends the study where it was begun with other overrides."""
    _require_same(folder, overrides)
    environment = single_threaded()
    config = folder / "config.yaml"
    if not config.is_file():
        command = [sys.executable, "train.py", f"{RUN_FOLDER}{folder}", *overrides]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)
    elif not _is_finished(folder):
        command = [sys.executable, "train.py", f"resume={folder}"]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)


def _require_same(folder: Path, overrides: Sequence[str]) -> None:
    starts = folder / "provenance.jsonl"
    if not starts.is_file():
        return
    command = json.loads(starts.read_text().splitlines()[0])["command"]
    before = {each for each in shlex.split(command)[1:] if not each.startswith(RUN_FOLDER)}
    if before != set(overrides):
        other = ", ".join(sorted(before ^ set(overrides)))
        sys.exit(f"{folder} has a run with other overrides ({other}): give the same, or move it")


def single_threaded() -> dict[str, str]:
    """The environment of a command that computes with one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _is_finished(folder: Path) -> bool:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    newest = newest_checkpoint(folder / "checkpoints")
    return newest is not None and newest[1]["global_step"] >= config["trainer"]["max_steps"]


def judged(folder: Path) -> dict[str, float]:
    """Figures of a finished run, from its log and from its last checkpoint."""
    torch.set_num_threads(1)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    rate, seed = config["sample_rate"], config["seed"]
    corpus = instantiate(config["data"], sample_rate=rate, seed=seed).open()
    last = {key: values[-1] for key, (_, values) in read_metrics(folder / "metrics.csv").items()}
    model = load(step_checkpoints(folder / "checkpoints")[-1])
    assert isinstance(model, Autoencoder)
    units = units_of_run(model, corpus)
    return {
        "nll": last["validation/nll"],
        "gain": last["validation/nll_increase_shuffled_codes"],
        "perplexity": last["validation/perplexity"],
        "pnmi": units.units.pnmi,
        "pnmi_kmeans": units.baseline.pnmi,
        "pnmi_shuffled": units.units.pnmi_shuffled,
    }


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def table(rows: Sequence[dict[str, Any]], by: str, digits: Mapping[str, int] = DIGITS) -> str:
    """Mean, lowest and highest of each figure in `digits` over seeds, one line for each value of
    column `by`, in Markdown."""
    names = [*digits]
    lines = [f"| {by} | runs | {' | '.join(names)} |", "| --- " * (len(names) + 2) + "|"]
    for value in dict.fromkeys(row[by] for row in rows):
        group = [row for row in rows if row[by] == value]
        cells = [_spread([float(row[name]) for row in group], digits[name]) for name in names]
        lines.append(f"| {value} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float], digits: int) -> str:
    low, high = min(values), max(values)
    return f"{statistics.mean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
