"""A recipe: its stages, the configuration of each, and the file that records them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from wavenet_ae.errors import UserError
from wavenet_ae.reading import fields_of
from wavenet_ae.recipes.stages import MFCC, Clusters, Stage, parse_stages
from wavenet_ae.resume import changes
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import write_bytes
from wavenet_ae.stored import read_config

TARGETS_TERM, TARGETS_KEY = "masked_prediction", "targets"  # of the objective
TARGETS = f"objective.{TARGETS_TERM}.{TARGETS_KEY}"
TARGETS_FILE = "targets.npz"  # in the folder of a stage
TARGETS_LOCK = ".targets.lock"  # held by the process that makes it


@dataclass(frozen=True)
class Recipe:
    """Stages and their plain configurations, which do not depend on the recipe's folder.

    Attributes:
        stages: The stages in their order.
        configs: Configuration of each stage, by its name.
    """

    stages: Sequence[Stage]
    configs: Mapping[str, dict[str, Any]]

    @property
    def last(self) -> Stage:
        """The stage that stands for the recipe."""
        return self.stages[-1]

    def stage(self, name: str) -> Stage:
        """Returns the stage of a name."""
        return next(each for each in self.stages if each.name == name)

    def run(self, folder: Path, stage: Stage) -> RunFolder:
        """Returns the run of a stage in the folder of the recipe."""
        return RunFolder(folder).stage(stage.number, stage.name)

    def config(self, folder: Path, stage: Stage) -> dict[str, Any]:
        """Returns the configuration with which a stage trains.

        Args:
            folder: Folder of the recipe.
            stage: The stage.
        """
        run = self.run(folder, stage)
        config = {**self.configs[stage.name], "run_folder": str(run.path)}
        if stage.init_from is not None:
            config["init_from"] = str(result_of(self.run(folder, self.stage(stage.init_from))))
        if run.config.is_file():  # it has started from there already, wherever that was
            begun = read_config(run.config)
            config |= fields_of(begun, {"init_from": str | None}, str(run.config))
        if stage.clusters is not None:
            config = with_targets(config, run.path / TARGETS_FILE)
        return config

    def source(self, folder: Path, clusters: Clusters) -> str:
        """Returns what is clustered: the checkpoint of a stage, or `mfcc`."""
        if clusters.source == MFCC:
            return MFCC
        return str(result_of(self.run(folder, self.stage(clusters.source))))

    def as_plain(self) -> dict[str, Any]:
        """Returns the recipe as plain values."""
        return {
            each.name: {
                "init_from": each.init_from,
                "clusters": None if each.clusters is None else asdict(each.clusters),
                "config": self.configs[each.name],
            }
            for each in self.stages
        }

    def write(self, folder: Path) -> None:
        """Records the recipe in its folder, once, and makes a folder for each stage.

        Raises:
            UserError: The folder holds another recipe.
        """
        file = RunFolder(folder).recipe
        for each in self.stages:
            self.run(folder, each).path.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            content = {"stages": self.as_plain()}
            write_bytes(file, yaml.safe_dump(content, sort_keys=False).encode())
            return
        if changed := differences(read_recipe(folder), self):
            raise UserError(
                f"{folder} holds a recipe of another configuration ({'; '.join(changed)}).  Start "
                f"a new one in another folder, or continue this one with resume={folder}"
            )


def result_of(run: RunFolder) -> Path:
    """Returns the checkpoint with which a stage ends: its best, or its last where none is best.

    Raises:
        UserError: It has none.
    """
    found = [*run.step_checkpoints()[-1:]]
    if run.best_checkpoint.is_file():
        found = [run.best_checkpoint]
    if not found:
        raise UserError(f"{run.path} has no checkpoint for the stages after it: train it again")
    return found[0].absolute()


def with_targets(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Returns a configuration whose objective predicts the clusters in a file."""
    terms = dict(config["objective"])
    terms[TARGETS_TERM] = {**terms[TARGETS_TERM], TARGETS_KEY: str(file.absolute())}
    return {**config, "objective": terms}


def read_recipe(folder: Path) -> Recipe:
    """Reads the recipe that a folder records.

    Raises:
        UserError: The file is not that of a recipe.
    """
    file = RunFolder(folder).recipe
    node: Any = read_config(file).get("stages")
    try:
        configs = {str(name): dict(keys["config"]) for name, keys in node.items()}
        given = {
            name: {"init_from": keys["init_from"], "clusters": keys["clusters"]}
            for name, keys in node.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError(f"{file} is not the record of a recipe: it must list its stages") from None
    return Recipe(parse_stages(given), configs)


def differences(then: Recipe, now: Recipe) -> list[str]:
    """Lists what makes a recipe another one; what a resume may change does not count."""
    if [each.name for each in then.stages] != [each.name for each in now.stages]:
        names = [", ".join(each.name for each in recipe.stages) for recipe in (then, now)]
        return [f"the stages were {names[0]}, and are {names[1]} now"]
    found = []
    for before, after in zip(then.stages, now.stages, strict=True):
        for key in ("init_from", "clusters"):
            values = getattr(before, key), getattr(after, key)
            if values[0] != values[1]:
                found.append(f"stages.{after.name}.{key}: {values[0]!r} then, {values[1]!r} now")
        changed = changes(then.configs[after.name], now.configs[after.name])
        found += [f"stages.{after.name}.{each}" for each in changed]
    return found
