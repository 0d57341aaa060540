"""Checks all stages of a recipe before the first of them trains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wavenet_ae.config import check
from wavenet_ae.errors import UserError
from wavenet_ae.recipes.recipe import Recipe
from wavenet_ae.recipes.stages import Stage


def check_recipe(recipe: Recipe, folder: Path) -> None:
    """Makes the checks of a run for every stage, and that each can start from those before it.

    Args:
        recipe: The recipe.
        folder: Its folder.

    Raises:
        UserError: If there is any problem; the text names the stages that have them.
    """
    problems = [*_config_problems(recipe), *_process_problems(recipe)]
    problems = problems or [*_size_problems(recipe, folder)]
    if problems:
        raise UserError("\n".join(problems))


def _config_problems(recipe: Recipe) -> Iterator[str]:
    for stage in recipe.stages:
        try:
            check(recipe.configs[stage.name])
        except UserError as error:
            yield f"stage {stage.name}: {error}"


def _process_problems(recipe: Recipe) -> Iterator[str]:
    """Yields stages with other devices: Lightning starts processes once, and they stay for all
    stages.
    """
    first, *others = recipe.stages
    for stage in others:
        for key in ("devices", "num_nodes"):
            wanted, found = (
                recipe.configs[each.name]["trainer"].get(key, 1) for each in (first, stage)
            )
            if found != wanted:
                yield (
                    f"stages.{stage.name}.trainer.{key} is {found!r}, but {wanted!r} in stage "
                    f"{first.name}: all stages train in the same processes; set trainer.{key} for "
                    "the whole recipe"
                )


def _size_problems(recipe: Recipe, folder: Path) -> Iterator[str]:
    """Builds the model of each stage; the weights of one that has not trained are its first."""
    from wavenet_ae.models import SpeechModel  # torch, for which --help is slow
    from wavenet_ae.models.build import model_config
    from wavenet_ae.training.preflight import check_sizes
    from wavenet_ae.training.warm_start import copy_weights

    models: dict[str, SpeechModel | None] = {}  # None: begun, and checked when it began

    def start(stage: Stage) -> None:
        config = {**recipe.configs[stage.name], "run_folder": str(recipe.run(folder, stage).path)}
        model = models[stage.name] = check_sizes(config)
        if (earlier := stage.init_from) is None or model is None:
            return
        if (source := models[earlier]) is not None:
            then = model_config(recipe.configs[earlier])
            copy_weights(model, model_config(config), source, then, f"stage {earlier}")

    for stage in recipe.stages:
        try:
            start(stage)
        except UserError as error:
            yield f"stage {stage.name}: {error}"
            return
