"""Search in which Optuna chooses the values of trials and a Hydra launcher runs them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

import yaml
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from optuna.trial import Trial

from wavenet_ae.errors import UserError, counted
from wavenet_ae.reading import read_any_text
from wavenet_ae.runs import RunFolder
from wavenet_ae.search.configs import SweepConfigs
from wavenet_ae.search.database import database_errors
from wavenet_ae.search.settings import Space, check_search_settings, parse_space
from wavenet_ae.search.study import FILE, Outcome, Trials, open_trials
from wavenet_ae.search.sweep_runs import claim_folder, sole_search
from wavenet_ae.storage import write_bytes
from wavenet_ae.training.logging.files import log_to

logger = logging.getLogger(__name__)


def search(
    node: Mapping[str, Any],
    arguments: Sequence[str],
    config: DictConfig,
    context: HydraContext,
    task: TaskFunction,
) -> None:
    """Runs the missing trials of a sweep folder, and logs the best.

    Args:
        node: Values of `hydra.sweeper`.
        arguments: The command line without Hydra's own flags.
        config: Configuration that Hydra has composed from both.
        context: Hydra's context, with its configuration loader.
        task: Function that runs one trial.

    Raises:
        UserError: If a setting, the search space or a trial's configuration is invalid, the folder
            holds another search, its database cannot be used, or the launcher loses a run.
    """
    log_to(None)
    # Launchers log the same overrides again.
    logging.getLogger("hydra_plugins").setLevel(logging.WARNING)
    plain_node = {key: _container(value) for key, value in node.items()}
    settings = check_search_settings(plain_node)
    space = parse_space(settings.params, arguments, context.config_loader)
    configs = SweepConfigs(context.config_loader, config, Path(config.hydra.sweep.dir))
    reference, *_ = [configs.checked(space.overrides(values)) for values in space.corners()]
    claim_folder(config)
    folder = Path(config.hydra.sweep.dir)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=config
    )
    with sole_search(folder), database_errors(folder / FILE):
        trials = open_trials(folder, space, settings, reference)
        while trials.num_finished() < settings.num_trials:
            _run_batch(trials, launcher, folder)
        _name_best(trials, folder)


def _container(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _run_batch(trials: Trials, launcher: Launcher, folder: Path) -> None:
    """Runs as many trials as may run side by side, first those that a killed search has left."""
    missing = trials.settings.num_trials - trials.num_finished()
    size = min(missing, trials.settings.num_parallel)
    batch = []
    for trial in trials.unfinished()[:size]:
        outcome = _recorded_failure(folder / str(trial.number))
        if outcome is None:
            batch.append(trial)
        else:  # killed before it could report to the study
            _tell(trials, trial, outcome)
    size = min(size, trials.settings.num_trials - trials.num_finished())
    batch += [trials.ask() for _ in range(size - len(batch))]
    if batch:
        jobs = _launch(launcher, trials.space, batch, trials.settings.num_trials)
        for trial, job in zip(batch, jobs, strict=True):
            _tell(trials, trial, _outcome(job, folder / str(trial.number)))


def _launch(
    launcher: Launcher, space: Space, batch: Sequence[Trial], num_trials: int
) -> Sequence[JobReturn]:
    """Runs each trial in the folder of its own number, whatever numbers the launcher counts."""
    overrides = []
    for trial in batch:
        logger.info("trial %d of %d: %s", trial.number, num_trials, _assignments(trial.params))
        overrides.append([*space.overrides(trial.params), f"hydra.sweep.subdir={trial.number}"])
    try:
        return launcher.launch(overrides, initial_job_idx=batch[0].number)
    except Exception as error:
        numbers = ", ".join(str(each.number) for each in batch)
        raise UserError(
            f"the launcher has lost a run ({type(error).__name__}: {error}).  Run the same command "
            f"again to continue with trials {numbers}"
        ) from error
    except (KeyboardInterrupt, SystemExit):
        logger.info("the search has stopped; run the same command again to continue")
        raise
    finally:
        log_to(None)  # close the log of a run in this process


def _outcome(job: JobReturn, run_folder: Path) -> Outcome:
    try:
        value = float(job.return_value)
    except Exception as error:  # a run may raise anything
        return Outcome(nan, f"{type(error).__name__}: {error}")
    if isfinite(value):
        return Outcome(value)
    return _recorded_failure(run_folder) or Outcome(nan, "its criterion has no finite value")


def _recorded_failure(run_folder: Path) -> Outcome | None:
    file = RunFolder(run_folder).failed
    return Outcome(nan, read_any_text(file).strip()) if file.is_file() else None


def _tell(trials: Trials, trial: Trial, outcome: Outcome) -> None:
    trials.tell(trial, outcome)
    told = f"{outcome.value:.4f}" if isfinite(outcome.value) else f"failed: {outcome.reason}"
    logger.info("trial %d: %s", trial.number, told)


def _name_best(trials: Trials, folder: Path) -> None:
    """Logs the best trial and writes it to `best.yaml`."""
    best = trials.best()
    if best is None:
        logger.warning(
            "none of %s has a result: see %s", counted(trials.num_finished(), "trial"), folder
        )
        return
    record = {
        "trial": best.number,
        "value": best.value,
        "folder": str(folder / str(best.number)),
        "overrides": trials.space.overrides(best.params),
    }
    write_bytes(folder / "best.yaml", yaml.safe_dump(record, sort_keys=False).encode())
    logger.info(
        "best of %s: %d with %.4f, %s; see %s",
        counted(trials.num_finished(), "trial"),
        best.number,
        best.value,
        _assignments(best.params),
        folder / "best.yaml",
    )


def _assignments(values: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items())
