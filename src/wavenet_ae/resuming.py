"""`resume=<run folder>`: a run's own configuration, and what may be changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wavenet_ae.config import plain
from wavenet_ae.errors import UserError
from wavenet_ae.training.resumable import MAY_CHANGE, may_change


def resumed(arguments: list[str]) -> dict[str, Any]:
    """The configuration of `resume=<run folder> [key=value ...]`, in any order.

    It is the run's own, with values of placement and logging changed.  What changes the
    mathematics is refused by name.
    """
    resume, *more = [each for each in arguments if is_resume(each)]
    if more:
        raise UserError(f"{resume} and {more[0]}: one run can be resumed at a time")
    folder = Path(resume.removeprefix("resume=")).expanduser()
    file = folder / "config.yaml"
    if not file.is_file():
        raise UserError(
            f"resume={folder}: there is no {file.name} in this folder; give a run folder, "
            "such as outputs/toy/2026-01-31_12-00-00"
        )
    config = _load(file)
    for argument in arguments:
        if argument != resume:
            _apply_override(config, argument)
    OmegaConf.update(config, "run_folder", str(folder))
    return plain(config)


def is_resume(argument: str) -> bool:
    return argument.startswith("resume=")


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
