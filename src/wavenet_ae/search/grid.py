"""Check of a grid: a mistake in its last run is found before its first one trains.

Hydra imports this at every start of a command: what is slow to import waits until there is a grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from wavenet_ae.composition import explain
from wavenet_ae.errors import UserError

GRID = "BasicSweeper"  # the class of Hydra's that runs a grid
MOST_RUNS_NAMED = 3  # of those that have one problem


def is_grid(config: DictConfig) -> bool:
    """Returns whether a sweep is a grid; a search checks its own runs."""
    return str(config.hydra.sweeper._target_).rpartition(".")[2] == GRID


def check_grid(config: DictConfig) -> None:
    """Checks the configuration of every run of a grid.

    Raises:
        UserError: If there is any problem; the text lists all of them, and the runs that have it.
    """
    from wavenet_ae.search.configs import SweepConfigs

    loader = GlobalHydra.instance().config_loader()
    configs = SweepConfigs(loader, config, Path(config.hydra.sweep.dir))
    problems: dict[str, list[str]] = {}
    runs = list(grid_runs(config))
    for overrides, swept in runs:
        try:
            configs.checked(overrides)
        except UserError as error:
            problems.setdefault(str(error), []).append(swept)
        except HydraException as error:
            problems.setdefault(_explained(error, overrides, config), []).append(swept)
    if problems:
        listed = "".join(f"\n- {_named(named)}: {text}" for text, named in problems.items())
        count = sum(map(len, problems.values()))
        raise UserError(f"no run of the sweep has started: {count} of {len(runs)} cannot{listed}")


def grid_runs(config: DictConfig) -> Iterator[tuple[list[str], str]]:
    """Yields the overrides of each run, and those of them that vary."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    params = config.hydra.sweeper.get("params") or {}
    written = [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]
    loader = GlobalHydra.instance().config_loader()
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(written)
    varying = {each.get_key_element() for each in parsed if each.is_sweep_override()}
    (runs,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    for overrides in runs:
        swept = [each for each in overrides if each.partition("=")[0] in varying]
        yield overrides, " ".join(swept) or "the only run"


def _explained(error: HydraException, overrides: Sequence[str], config: DictConfig) -> str:
    loader, name = GlobalHydra.instance().config_loader(), config.hydra.job.config_name
    flags = list(config.hydra.overrides.hydra)

    def compose(arguments: Sequence[str]) -> DictConfig:
        return loader.load_configuration(name, [*flags, *arguments], RunMode.RUN)

    return explain(error, overrides, compose)


def _named(runs: Sequence[str]) -> str:
    more = len(runs) - MOST_RUNS_NAMED
    return "; ".join(runs[:MOST_RUNS_NAMED]) + (f" and {more} more" if more > 0 else "")
