"""Trials of a search on disk, in a study that survives a kill at any instant."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from wavenet_ae.errors import UserError, counted
from wavenet_ae.objectives import criterion_of
from wavenet_ae.randomness import keyed_seed
from wavenet_ae.resume import changes, values_by_key
from wavenet_ae.search.database import LOCK_SECONDS, require_search, value_errors
from wavenet_ae.search.settings import SearchSettings, Space
from wavenet_ae.storage import atomic_path, remove_unfinished

FILE = "search.db"
STUDY = "search"
FAILED_REASON = "reason"
# Settings that a resumed run may change, but that must be equal in trials that are compared.
COMPARED = ("trainer.max_steps", "trainer.max_time")


@dataclass(frozen=True)
class Outcome:
    """Result of a trial.

    Attributes:
        value: The metric; NaN if the trial failed.
        reason: Why it failed.
    """

    value: float
    reason: str = ""


class Trials:
    """Optuna's study of a sweep folder; the number of a trial is the name of its run folder.

    Args:
        folder: Sweep folder that holds the study.
        space: Search space.
        settings: Settings of the search.

    Attributes:
        description: What `open_trials` has recorded of the search.

    Raises:
        UserError: If the study or a value in it cannot be read.
    """

    def __init__(self, folder: Path, space: Space, settings: SearchSettings) -> None:
        self.space, self.settings = space, settings
        self.file = folder / FILE
        with value_errors(self.file):
            self.study = optuna.load_study(study_name=STUDY, storage=_storage(self.file))
            self.study.get_trials(deepcopy=False)
            self.description = json.loads(self.study.user_attrs["description"])
            if self.study.direction.name.lower() != self.description["direction"]:
                raise ValueError(f"its direction is {self.study.direction.name.lower()}")

    def num_finished(self) -> int:
        """Returns the number of trials that have completed or failed."""
        return sum(each.state.is_finished() for each in self.study.get_trials(deepcopy=False))

    def unfinished(self) -> list[Trial]:
        """Returns the trials that a killed search has left, in their order."""
        left = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [self._with_values(Trial(self.study, each._trial_id)) for each in left]

    def ask(self) -> Trial:
        """Starts a new trial with values from the sampler."""
        return self._with_values(self.study.ask())

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Records the outcome of a trial."""
        if isfinite(outcome.value):
            self.study.tell(trial, outcome.value)
        else:
            trial.set_user_attr(FAILED_REASON, outcome.reason)
            self.study.tell(trial, state=TrialState.FAIL)

    def best(self) -> FrozenTrial | None:
        """Returns the best completed trial, or None without any."""
        completed = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return self.study.best_trial if completed else None

    def _with_values(self, trial: Trial) -> Trial:
        """Suggests a value for every key; values that are on disk already stay.

        A kill may come between any two of them, and the rest must be what they would have been.
        """
        for key, distribution in self.space.searched.items():
            self.study.sampler = self._sampler(trial.number, key)
            _suggest(trial, key, distribution)
        return trial

    def _sampler(self, number: int, key: str) -> BaseSampler:
        """Returns a sampler for a value of a trial: a continued search repeats and skips none."""
        seed = keyed_seed(self.settings.seed, "search", number, key) % 2**32
        return TPESampler(seed=seed, constant_liar=self.settings.num_parallel > 1)


def open_trials(
    folder: Path, space: Space, settings: SearchSettings, reference: Mapping[str, Any]
) -> Trials:
    """Opens the study in `folder`, or creates it.

    Args:
        folder: Sweep folder.
        space: Search space.
        settings: Settings of the search.
        reference: Plain configuration of a trial with the first value of every searched key.

    Raises:
        UserError: If the folder holds another search, runs without a search, or a database that is
            damaged or cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    description = {
        "direction": criterion_of(reference).direction,
        "space": {key: distribution_to_json(each) for key, each in space.searched.items()},
        "written": dict(space.written),
        "reference": dict(reference),
    }
    if not os.path.lexists(folder / FILE):
        _require_no_runs(folder)
        _create(folder / FILE, description)
    require_search(folder / FILE, STUDY)
    trials = Trials(folder, space, settings)
    then = trials.description
    differences = list(_differences(then, json.loads(json.dumps(description))))
    if differences:
        raise UserError(
            f"hydra.sweep.dir={folder} holds another search ({'; '.join(differences)}).  Set "
            "hydra.sweep.dir to another folder, or repeat the command of that search"
        )
    return trials


def _create(file: Path, description: Mapping[str, Any]) -> None:
    """Creates the study's database: a kill leaves the whole file or none."""
    remove_unfinished(file.parent)
    with atomic_path(file) as unfinished:
        storage = _storage(unfinished)
        study = optuna.create_study(
            storage=storage, study_name=STUDY, direction=description["direction"]
        )
        study.set_user_attr("description", json.dumps(description))
        storage.remove_session()
        storage.engine.dispose()


def _storage(file: Path) -> RDBStorage:
    # A path in a URL would be read otherwise where it has a ? or a %.
    connect = partial(sqlite3.connect, file, timeout=LOCK_SECONDS, check_same_thread=False)
    return RDBStorage(f"sqlite:///{FILE}", engine_kwargs={"creator": connect})


def _require_no_runs(folder: Path) -> None:
    runs = [each.name for each in folder.glob("*/") if each.name.isdigit()]
    if runs:
        raise UserError(
            f"hydra.sweep.dir={folder} holds {counted(len(runs), 'run')} of no search "
            f"(there is no {FILE}): set hydra.sweep.dir to another folder"
        )


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yields `key: value then, value now` for everything that makes it a different search."""
    keys = list(dict.fromkeys([*then["space"], *now["space"]]))
    other = [key for key in keys if then["space"].get(key) != now["space"].get(key)]
    for key in other:
        written = [each["written"].get(key, "not searched") for each in (then, now)]
        yield f"{key}: {written[0]} then, {written[1]} now"
    if not other:  # otherwise the reference would name a changed range once more
        yield from changes(then["reference"], now["reference"])
        references = [values_by_key(each["reference"]) for each in (then, now)]
        for key in COMPARED:
            before, after = (each.get(key) for each in references)
            if before != after:
                yield f"{key}: {before!r} then, {after!r} now"


def _suggest(trial: Trial, key: str, distribution: BaseDistribution) -> None:
    match distribution:
        case CategoricalDistribution():
            trial.suggest_categorical(key, distribution.choices)
        case FloatDistribution(low=low, high=high, log=log, step=step):
            trial.suggest_float(key, low, high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            trial.suggest_int(key, low, high, log=log, step=step)
