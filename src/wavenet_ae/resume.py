"""`resume=<run folder>`: a run's own configuration, and what may be changed in it.

What changes the mathematics makes another run and is refused by name.  Placement, logging and
monitoring may change.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wavenet_ae.config import plain
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import TARGET
from wavenet_ae.paths import PATH_KEYS, unquoted
from wavenet_ae.runs import RunFolder, named_run
from wavenet_ae.slots import LIGHTNING
from wavenet_ae.stored import read_config

OBSERVERS = ("doctor", "wandb_media", "audio_samples", "threads")  # callbacks that only watch
# Keys that may change; one that ends in a dot stands for all below it.
MAY_CHANGE = (
    "trainer.max_steps",
    "trainer.max_time",
    "trainer.fast_dev_run",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "trainer.log_every_n_steps",
    "trainer.profiler",
    "trainer.detect_anomaly",
    "data.cache_dir",
    "data.num_packing_processes",
    "data.source.root",  # the corpus may have moved: its fingerprint is compared
    "data.source.path",
    "data.source.download",
    "objective.masked_prediction.targets",  # likewise
    "callbacks.checkpoints.every_n_steps",
    "callbacks.checkpoints.keep",
    "callbacks.progress.",
    *(f"callbacks.{name}" for name in OBSERVERS),
    *(f"callbacks.{name}." for name in OBSERVERS),
    "monitors.",
    "logger.",
)
# Lightning's classes that a run folder may name: they write nowhere but to the run's loggers.
STORED_OF_LIGHTNING = (
    "pytorch_lightning.Trainer",
    *(
        f"pytorch_lightning.callbacks.{name}"
        for name in (
            *("DeviceStatsMonitor", "EarlyStopping", "EMAWeightAveraging", "LearningRateMonitor"),
            *("ModelSummary", "RichModelSummary", "RichProgressBar", "StochasticWeightAveraging"),
            *("Timer", "TQDMProgressBar", "WeightAveraging"),
        )
    ),
    *(f"pytorch_lightning.strategies.{name}" for name in ("DDPStrategy", "SingleDeviceStrategy")),
)
SHORT = {"data.root": "data.source.root", "data.path": "data.source.path"}  # of the command line
PLACES = ("name", "run_folder")  # differ between two runs that are otherwise the same


def is_resume(argument: str) -> bool:
    """Returns whether an argument of the command line is `resume=...`."""
    return argument.startswith("resume=")


def resumed(arguments: list[str]) -> dict[str, Any]:
    """Composes the configuration of `resume=<run folder> [key=value ...]`.

    Args:
        arguments: Arguments of the command line, in any order.

    Returns:
        The plain configuration of the run, with the given values changed.

    Raises:
        UserError: There is no run, or a value may not change.
    """
    folder, given = resume_arguments(arguments)
    _require_run(folder)
    file = RunFolder(folder).config
    config = with_changes(read_config(file), file, given)
    return {**config, "run_folder": str(folder)}


def resume_arguments(arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """Returns the folder that `resume=<folder>` names, and the other arguments.

    Raises:
        UserError: Several folders are named.
    """
    resume, *more = [each for each in arguments if is_resume(each)]
    if more:
        raise UserError(f"{resume} and {more[0]}: one run can be resumed at a time")
    folder = named_run(unquoted(resume.removeprefix("resume=")))
    return folder, [each for each in arguments if each != resume]


def with_changes(stored: Mapping[str, Any], file: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """Returns a configuration that a run has stored, with values of the command line.

    Args:
        stored: The stored configuration.
        file: Its file, in the folder of the run.
        arguments: `key=value` of the command line.

    Raises:
        UserError: A value may not change, or the file holds what no run writes.
    """
    overrides = [_Override.parse(each) for each in arguments]
    _require_may_change(overrides, file.parent)
    if places := [*_interpolations(stored)]:
        raise UserError(
            f"{file} has an interpolation in {places[0]}, which no run writes: set the value itself"
        )
    config = OmegaConf.create(dict(stored))
    for each in overrides:
        each.apply(config)
    given = [each.key for each in overrides]
    values = plain(config)
    for key, target in _targets(values):
        if not _may_be_stored(target) and not any(f"{key}.".startswith(f"{own}.") for own in given):
            raise UserError(
                f"{file} names {target} in {key}, which may write to any place: a resume takes it "
                f"from the command line alone; remove it from the file, or repeat {key}=... there"
            )
    return values


def may_change(key: str) -> bool:
    """Returns whether a resume may change the value of a dotted key."""
    return any(key == each or (each[-1] == "." and key.startswith(each)) for each in MAY_CHANGE)


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Lists what makes a configuration that of another run.

    Args:
        then: The plain configuration of a run.
        now: Another one.

    Returns:
        `key: value then, value now` of each value that has changed and may not.
    """
    before, after = values_by_key(then), values_by_key(now)
    return [
        f"{key}: {before.get(key)!r} then, {after.get(key)!r} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and key not in PLACES and not may_change(key)
    ]


def values_by_key(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a plain configuration by dotted keys, such as `trainer.devices`."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{below}": each for below, each in values_by_key(value).items()}
        else:
            found[str(key)] = value
    return found


def _interpolations(node: Any, path: str = "") -> Iterator[str]:
    """Keys whose value OmegaConf would resolve, for example to a variable of the environment."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _interpolations(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _interpolations(value, f"{path}[{number}]")
    elif isinstance(node, str) and "${" in node:
        yield path


def _targets(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields the key of each node, at any depth, and its `_target_`."""
    if not isinstance(node, Mapping):
        return
    if TARGET in node:
        yield path, str(node[TARGET])
    for key, value in node.items():
        yield from _targets(value, f"{path}.{key}" if path else str(key))


def _may_be_stored(target: str) -> bool:
    return not target.startswith(LIGHTNING) or target in STORED_OF_LIGHTNING


def _require_run(folder: Path) -> None:
    """Raises UserError where there is no run in a folder."""
    file = RunFolder(folder).config
    if file.is_file():
        return
    if folder.is_file():
        run = RunFolder.containing(folder) or RunFolder(folder.parent)
        known = f"={run.path}" if run.config.is_file() else " to a run folder"
        raise UserError(f"resume={folder} is a file, not the folder of a run: set resume{known}")
    missing = f"there is no {file.name} in it" if folder.is_dir() else "there is no such folder"
    raise UserError(
        f"resume={folder}: {missing}; set it to a run folder, such as "
        "outputs/toy/2026-01-31_12-00-00"
    )


@dataclass(frozen=True)
class _Override:
    """`key=value` of the command line of a resume."""

    argument: str
    key: str
    value: str

    @classmethod
    def parse(cls, argument: str) -> _Override:
        key, equals, value = argument.partition("=")
        if not equals:
            raise UserError(f"{argument!r} is not of the form key=value")
        return cls(argument, key.lstrip("+"), value)

    def apply(self, config: DictConfig) -> None:
        if self.key in PATH_KEYS and self.value not in ("", "null"):
            path = os.path.abspath(unquoted(self.value))
            OmegaConf.update(config, self.key, path, force_add=True)
            return
        try:
            value = OmegaConf.from_dotlist([f"x={self.value}"]).x
            OmegaConf.update(config, self.key, value, force_add=True)
        except (yaml.YAMLError, OmegaConfBaseException) as error:
            raise UserError(f"{self.argument}: the value cannot be read: {error}") from None


def _require_may_change(given: list[_Override], folder: Path) -> None:
    """Raises UserError, which names all of them, where values may not change."""
    refused = [
        f"{each.key} (its place in a run is {SHORT[each.key]})" if each.key in SHORT else each.key
        for each in given
        if not may_change(each.key)
    ]
    if refused:
        raise UserError(
            f"{', '.join(refused)} cannot be changed by a resume: the run would no longer be the "
            f"run that it continues.  {another_run(folder)}; a resume changes only "
            + ", ".join(each + "*" if each[-1] == "." else each for each in MAY_CHANGE)
        )


def another_run(folder: Path) -> str:
    """Returns how to start a run of other settings from what a run has learned."""
    return (
        "Start a new run with these values, in a folder of its own, if you like with the weights "
        f"of this one: init_from={RunFolder(folder).best_checkpoint}"
    )
