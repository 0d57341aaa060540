"""`resume=<run folder>`: a run's own configuration, and what may be changed in it.

What changes the mathematics makes another run and is refused by name.  Placement, logging and
monitoring may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wavenet_ae.config import plain
from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder

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
    "callbacks.checkpoints.every_n_steps",
    "callbacks.checkpoints.keep",
    "callbacks.progress.",
    *(f"callbacks.{name}" for name in OBSERVERS),
    *(f"callbacks.{name}." for name in OBSERVERS),
    "monitors.",
    "logger.",
)
SHORT = {"data.root": "data.source.root", "data.path": "data.source.path"}  # of the command line
PLACES = ("name", "run_folder")  # differ between two runs that are otherwise the same


def is_resume(argument: str) -> bool:
    """Returns whether an argument of the command line is `resume=...`."""
    return argument.startswith("resume=")


def resumed(arguments: list[str]) -> dict[str, Any]:
    """Composes the configuration of `resume=<run folder> [key=value ...]`.

    Args:
        arguments: Of the command line, in any order.

    Returns:
        The plain configuration of the run, with the given values changed.

    Raises:
        UserError: There is no run, or a value may not change.
    """
    resume, *more = [each for each in arguments if is_resume(each)]
    if more:
        raise UserError(f"{resume} and {more[0]}: one run can be resumed at a time")
    folder = Path(resume.removeprefix("resume=")).expanduser()
    _require_run(folder)
    given = [_Override.parse(each) for each in arguments if each != resume]
    _require_may_change(given, folder)
    config = _load(RunFolder(folder).config)
    for each in given:
        each.apply(config)
    OmegaConf.update(config, "run_folder", str(folder))
    return plain(config)


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
    before, after = dict(_leaves(then)), dict(_leaves(now))
    return [
        f"{key}: {before.get(key)!r} then, {after.get(key)!r} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and key not in PLACES and not may_change(key)
    ]


def _leaves(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _load(file: Path) -> DictConfig:
    try:
        config = OmegaConf.load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    if not isinstance(config, DictConfig):
        raise UserError(f"{file} is not a configuration: it must hold the keys of a run")
    return config


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
