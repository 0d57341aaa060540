"""`resume=<run folder>`: a run's own configuration, and what may be changed in it.

What changes the mathematics makes another run and is refused by name.  Placement, logging and
monitoring may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    file = RunFolder(folder).config
    if not file.is_file():
        raise UserError(
            f"resume={folder}: there is no {file.name} in this folder; set it to a run folder, "
            "such as outputs/toy/2026-01-31_12-00-00"
        )
    config = _load(file)
    for argument in arguments:
        if argument != resume:
            _apply_override(config, argument)
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


def _apply_override(config: DictConfig, argument: str) -> None:
    key, equals, value = argument.partition("=")
    key = key.lstrip("+")
    if not equals:
        raise UserError(f"{argument!r} is not of the form key=value")
    if not may_change(key):
        raise UserError(
            f"{key} cannot be changed by a resume: the run would no longer be the run that it "
            "continues.  Start a new run, or change only "
            + ", ".join(each + "*" if each[-1] == "." else each for each in MAY_CHANGE)
        )
    try:
        OmegaConf.update(config, key, OmegaConf.from_dotlist([f"x={value}"]).x, force_add=True)
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{argument}: the value cannot be read: {error}") from None
