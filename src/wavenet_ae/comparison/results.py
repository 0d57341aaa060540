"""Results of runs, read from their folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wavenet_ae.comparison.metrics import SPEED, USED_RATE, cost, criterion
from wavenet_ae.dashboards.history import Scalars, read_metrics
from wavenet_ae.errors import UserError
from wavenet_ae.objectives import Criterion
from wavenet_ae.reading import read_any_text
from wavenet_ae.runs import RunFolder, runs_in, step_of
from wavenet_ae.stored import read_config

FINISHED, FAILURE, UNFINISHED = "finished", "failed", "unfinished"
SECONDS = "training_seconds"
UNIGRAM_RATE, KL_RATE = "bitrate/unigram", "bitrate/kl"


@dataclass(frozen=True)
class RunResult:
    """A run as its folder shows it.

    Attributes:
        name: What tables call it.
        config: Its configuration, also where the run was refused before it began.
        status: `FINISHED`, `FAILURE` or `UNFINISHED`.
        reason: Why it failed, in one line; empty if it did not.
        num_steps: Optimizer steps.
        metrics: Metrics of its best validation by the names under which they are logged, with
            `best_step`, `bitrate/used`, the median `speed/times_real_time` and `training_seconds`
            without validations; empty before its first validation.
        evaluation: Speech and split of its evaluation, whose metrics are among `metrics`; empty
            without one.
    """

    name: str
    config: Mapping[str, Any]
    status: str
    reason: str
    num_steps: int
    metrics: dict[str, float]
    evaluation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether it has ended as it should."""
        return self.status == FINISHED


def read_results(sweep: Path) -> list[RunResult]:
    """Reads the runs of a sweep, 2 before 10."""
    return [read_result(each, each.name) for each in runs_in(sweep)]


def read_result(folder: Path, name: str) -> RunResult:
    """Reads a run; the last stage of a recipe stands for it.

    A run that cannot be read is a failed run and not an error: others have results too.
    """
    asked = RunFolder(folder)
    run = asked.meant
    config: Mapping[str, Any] = {}
    logged: Scalars = {}
    reason = ""
    try:
        config = _config(run.config) or _config(asked.refused)
        logged = read_metrics(run.metrics) if run.metrics.is_file() else {}
    except UserError as error:
        reason = str(error)
    if asked.failed.is_file():
        reason = read_any_text(asked.failed).strip() or "unknown"
    num_steps = max((int(steps[-1]) for steps, _ in logged.values()), default=0)
    status = FAILURE if reason else FINISHED if _is_finished(run, config) else UNFINISHED
    metrics = best_metrics(logged, config, criterion(config))
    return RunResult(name, config, status, " ".join(reason.split()), num_steps, metrics)


def _config(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    config = read_config(path)
    try:
        criterion(config)
    except (UserError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise UserError(f"{path} has an objective that cannot be used here: {error}") from None
    return config


def _is_finished(run: RunFolder, config: Mapping[str, Any]) -> bool:
    saved = [step_of(each) for each in run.step_checkpoints()]
    wanted = _value(config, "trainer", "max_steps", -1)
    return bool(saved) and 0 < wanted <= saved[-1]


def best_metrics(
    logged: Scalars, config: Mapping[str, Any], criterion: Criterion
) -> dict[str, float]:
    """Returns the metrics of the validation that is best by the criterion.

    Validations before the codebook starts do not count: the model had no codes yet.
    """
    steps, values = logged.get(criterion.metric, (np.array([]), np.array([])))
    counts = np.isfinite(values) & (steps > _value(config, "bottleneck", "start_after", 0))
    if not counts.any():
        return {}
    index = min(np.flatnonzero(counts), key=lambda each: cost(float(values[each]), criterion))
    best = int(steps[index])
    metrics = {"best_step": float(best), criterion.metric: float(values[index])}
    for name, (at, all_values) in logged.items():
        if name.startswith(("validation/", "bitrate/")) and best in at:
            metrics.setdefault(name, float(all_values[at == best][-1]))
    used = metrics.get(UNIGRAM_RATE, metrics.get(KL_RATE))
    rate = {} if used is None else {USED_RATE: used}
    return metrics | rate | _speed(logged, config)


def _speed(logged: Scalars, config: Mapping[str, Any]) -> dict[str, float]:
    if SPEED not in logged:
        return {}
    steps, speeds = logged[SPEED]  # each of all steps since the one logged before
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
    """Returns a number of a configuration that may lack it, or be of another model."""
    node = config.get(group)
    value = node.get(key, default) if isinstance(node, Mapping) else default
    return value if isinstance(value, int | float) else default
