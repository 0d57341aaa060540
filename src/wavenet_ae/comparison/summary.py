"""What the runs of a sweep have come to, read from their folders alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from wavenet_ae.comparison.folders import runs_in
from wavenet_ae.dashboards.history import Scalars, read_metrics
from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder, step_of

FINISHED, FAILURE, UNFINISHED = "finished", "failed", "unfinished"
NLL = "validation/nll"
SPEED, SECONDS = "speed/times_real_time", "training_seconds"


@dataclass(frozen=True)
class RunResult:
    """A run as its folder shows it.

    config     its configuration, also where the run was refused before it began
    reason     why it failed, in one line; empty where it did not
    num_steps  trained
    figures    of its best validation, by the names under which they are logged, with `best_step`,
               the median `speed/times_real_time` and `training_seconds`, which leave validations
               out; empty where there was no validation
    """

    name: str
    config: Mapping[str, Any]
    status: str
    reason: str
    num_steps: int
    figures: dict[str, float]

    @property
    def is_finished(self) -> bool:
        return self.status == FINISHED


def read_results(sweep: Path) -> list[RunResult]:
    """The runs of a sweep, 2 before 10."""
    return [read_result(each, each.name) for each in runs_in(sweep)]


def read_result(folder: Path, name: str) -> RunResult:
    """What cannot be read makes a failed run, not an error: others have results too."""
    run = RunFolder(folder)
    config: Mapping[str, Any] = {}
    metrics: Scalars = {}
    reason = ""
    try:
        config = _config(run.config) or _config(run.refused)
        metrics = read_metrics(run.metrics) if run.metrics.is_file() else {}
    except UserError as error:
        reason = str(error)
    if run.failed.is_file():
        reason = run.failed.read_text(errors="replace").strip() or "unknown"
    num_steps = max((int(steps[-1]) for steps, _ in metrics.values()), default=0)
    status = FAILURE if reason else FINISHED if _is_finished(run, config) else UNFINISHED
    figures = best_figures(metrics, config)
    return RunResult(name, config, status, " ".join(reason.split()), num_steps, figures)


def _config(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if not isinstance(config, Mapping):
        raise UserError(f"{path} is not a configuration: it must hold the keys of a run")
    return config


def _is_finished(run: RunFolder, config: Mapping[str, Any]) -> bool:
    saved = [step_of(each) for each in run.step_checkpoints()]
    wanted = _value(config, "trainer", "max_steps", -1)
    return bool(saved) and 0 < wanted <= saved[-1]


def best_figures(metrics: Scalars, config: Mapping[str, Any]) -> dict[str, float]:
    """Figures of the validation with the lowest NLL.

    Validations before the codebook starts do not count: the model had no codes yet.
    """
    steps, nlls = metrics.get(NLL, (np.array([]), np.array([])))
    counts = np.isfinite(nlls) & (steps > _value(config, "bottleneck", "start_after", 0))
    if not counts.any():
        return {}
    best = int(steps[counts][nlls[counts].argmin()])
    figures = {"best_step": float(best), NLL: float(nlls[counts].min())}
    for name, (logged, values) in metrics.items():
        if name.startswith(("validation/", "bitrate/")) and best in logged:
            figures[name] = float(values[logged == best][-1])
    return figures | _speed(metrics, config)


def _speed(metrics: Scalars, config: Mapping[str, Any]) -> dict[str, float]:
    """The speed logged at a step is that of all steps since the one logged before."""
    if SPEED not in metrics:
        return {}
    steps, speeds = metrics[SPEED]
    audio_seconds = (
        np.diff(steps, prepend=0)
        * _value(config, "trainer", "accumulate_grad_batches", 1)
        * _value(config, "data", "batch_size", np.nan)
        * _value(config, "data", "window_seconds", np.nan)
    )
    seconds = float((audio_seconds / speeds).sum())
    found = {SPEED: float(np.median(speeds)), SECONDS: seconds}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _value(config: Mapping[str, Any], group: str, key: str, default: float) -> Any:
    """A number of a configuration that may lack it, or be of another model."""
    node = config.get(group)
    value = node.get(key, default) if isinstance(node, Mapping) else default
    return value if isinstance(value, int | float) else default
