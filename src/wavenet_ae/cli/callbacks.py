"""What a run or a sweep does before Hydra runs it, and after.

Hydra imports this at every start of train.py: what is slow to import waits until it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from wavenet_ae.errors import UserError, counted
from wavenet_ae.exits import guarded
from wavenet_ae.search.grid import check_grid, is_grid
from wavenet_ae.search.sweep_runs import claim_folder
from wavenet_ae.storage import NotWritten, write_errors

if TYPE_CHECKING:
    from wavenet_ae.comparison.results import RunResult

LONGEST_REASON = 160  # characters


class RunStart(Callback):
    """Makes the folder of a single run, or says in one line why it cannot be made."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        # The folder's usual name refers to `${hydra:...}`, which Hydra sets only later.
        HydraConfig.instance().set_config(config)
        guarded(lambda: _make_folder(Path(config.hydra.run.dir)))


class GridStart(Callback):
    """Checks the configuration of every run of a grid, and refuses the grid where one is wrong.

    A grid that may start gets a folder of its own.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if is_grid(config):
            guarded(lambda: check_grid(config))
            guarded(lambda: claim_folder(config))


class SweepSummary(Callback):
    """Writes `sweep.csv`, `sweep.png` and `sweep.pdf` into the folder of a sweep, grid or search,
    and prints its table.

    Exits with code 1 where runs of a grid have failed, or all trials of a search.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        # A grid's folder may refer to `${hydra:...}`, which Hydra sets for each run only.
        HydraConfig.instance().set_config(config)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        results = guarded(lambda: _summarized(folder, conf_folder(config)))
        failed = failures(results)
        # Of a search, some trials may fail.
        if failed and (is_grid(config) or all(each.reason for each in results)):
            sys.exit(failed)


def _make_folder(folder: Path) -> None:
    try:
        with write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except NotWritten as error:
        raise UserError(
            f"{folder}, the folder of the run, cannot be made: {error.reason}: set name or "
            "run_folder to another one"
        ) from error


def conf_folder(config: DictConfig) -> Path | None:
    """Returns the folder that the configuration was composed from."""
    sources = config.hydra.runtime.config_sources
    found = [Path(each.path) for each in sources if each.provider == "main"]
    return found[0] if found else None


def _summarized(folder: Path, conf: Path | None) -> list[RunResult]:
    from wavenet_ae.comparison.report import report
    from wavenet_ae.comparison.results import read_results

    results = read_results(folder)
    if results:
        report(results, folder, conf, "sweep")
    return results


def failures(results: Sequence[RunResult]) -> str:
    """Returns `2 of 6 runs failed: 3 (reason), 5 (reason)`; nothing if none has."""
    failed = [each for each in results if each.reason]
    if not failed:
        return ""
    listed = ", ".join(f"{each.name} ({_shortened(each.reason)})" for each in failed)
    return f"{len(failed)} of {counted(len(results), 'run')} failed: {listed}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."
