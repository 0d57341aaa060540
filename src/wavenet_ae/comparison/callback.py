"""The table and the plot at the end of a sweep.

Hydra imports this at every start of train.py: what is slow to import waits for the end.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from wavenet_ae.errors import counted
from wavenet_ae.exits import guarded

if TYPE_CHECKING:
    from wavenet_ae.comparison.results import RunResult

GRID = "BasicSweeper"  # the class that runs a grid; of a search, some trials may fail
LONGEST_REASON = 160  # characters


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
        is_grid = config.hydra.sweeper._target_.rpartition(".")[2] == GRID
        if failed and (is_grid or all(each.reason for each in results)):
            sys.exit(failed)


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
