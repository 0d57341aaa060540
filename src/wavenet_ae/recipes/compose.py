"""Configurations of the stages of a recipe, composed by Hydra from one command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wavenet_ae.composition import explain
from wavenet_ae.config import conf_folder, plain_of_composed
from wavenet_ae.errors import UserError, nearest
from wavenet_ae.paths import keep_absolute
from wavenet_ae.recipes.recipe import TARGETS, TARGETS_FILE, TARGETS_TERM, Recipe
from wavenet_ae.recipes.stages import STAGE_KEYS, Stage, parse_stages
from wavenet_ae.resume import values_by_key

# `stages.student.trainer.max_steps=500` of the command line: a value of one stage alone.
OF_STAGE = re.compile(r"(\+{0,2})stages\.([^.=]+)\.(([^.=@/]+).*)", re.DOTALL)


def of_stage(argument: str) -> tuple[str, str] | None:
    """Splits an argument that sets a value in the configuration of one stage.

    Args:
        argument: `stages.NAME.KEY=VALUE`, with `+` or `++` before it or not.

    Returns:
        The name of the stage, and the argument that its configuration gets; None where it sets a
        key of the stage itself, or something else.
    """
    found = OF_STAGE.fullmatch(argument)
    if found is None or found[4] in STAGE_KEYS:
        return None
    return found[2], ("+" if found[1] == "+" else "") + found[3]


def compose_recipe(hydra: DictConfig, loader: ConfigLoader) -> Recipe:
    """Composes the configuration of every stage of a recipe.

    A stage gets the configuration of the whole recipe, changed by the stage's own overrides, then
    by the values of the command line that are for all stages, then by those that are for it alone.

    Args:
        hydra: Hydra's own configuration of the recipe: its command line and configuration's name.
        loader: Hydra's configuration loader.

    Raises:
        UserError: The stages are not as they should be, or one cannot be composed.
    """
    name, flags = hydra.job.config_name, list(hydra.overrides.hydra)
    common, own = sorted_by_stage(hydra.overrides.task)

    def load(overrides: Sequence[str]) -> DictConfig:
        return loader.load_configuration(name, [*flags, *overrides], RunMode.RUN)

    whole = load(common)
    stages = parse_stages(OmegaConf.to_container(whole, resolve=False)["stages"])  # type: ignore
    _require_stages(own, stages)
    kept = _debug_keys(whole.hydra.runtime.choices.get("debug"))
    configs = {}
    for each in stages:
        changed = [override for override in each.overrides if _key(override) not in kept]
        overrides = [*changed, *common, *own.get(each.name, ())]
        try:
            configs[each.name] = _plain(load(overrides), each)
        except HydraException as error:
            raise UserError(f"stage {each.name}: {explain(error, overrides, load)}") from None
        except (OmegaConfBaseException, UserError) as error:
            text = str(error).strip().split("\n\n")[0]
            raise UserError(f"stage {each.name}: {text}") from None
    return Recipe(stages, configs)


def sorted_by_stage(arguments: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Splits a command line into what all stages get, and what each gets alone, by its name."""
    common: list[str] = []
    own: dict[str, list[str]] = {}
    for argument in arguments:
        if (found := of_stage(argument)) is None:
            common.append(argument)
        else:
            own.setdefault(found[0], []).append(found[1])
    return common, own


def _require_stages(own: Mapping[str, Sequence[str]], stages: Sequence[Stage]) -> None:
    names = [each.name for each in stages]
    for name, arguments in own.items():
        if name not in names:
            raise UserError(
                f"stages.{name}.{arguments[0]}: there is no stage {name!r}.{nearest(name, names)}"
            )


def _plain(composed: DictConfig, stage: Stage) -> dict[str, Any]:
    """Returns the configuration of a stage as plain values."""
    if stage.clusters is not None:
        if OmegaConf.select(composed, f"objective.{TARGETS_TERM}") is None:
            raise UserError(
                f"clusters is set, but its objective has no {TARGETS_TERM} that would predict "
                f"them: add objective={TARGETS_TERM} to its overrides, or remove clusters"
            )
        OmegaConf.update(composed, TARGETS, TARGETS_FILE, force_add=True)
    composed.stages = None  # of the whole recipe
    config = plain_of_composed(composed, Path(f"{stage.number}-{stage.name}"))
    keep_absolute(config)
    return config


def _debug_keys(option: str | None) -> frozenset[str]:
    """Returns the keys that an option of `debug` sets, which no stage sets again."""
    file = conf_folder() / "debug" / f"{option}.yaml"
    if not option or not file.is_file():
        return frozenset()
    return frozenset(values_by_key(yaml.safe_load(file.read_text(encoding="utf-8"))))


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]
