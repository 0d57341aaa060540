"""`resume=<folder of a recipe>`: the recipe that the folder records, and what may be changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.recipes.compose import sorted_by_stage
from wavenet_ae.recipes.recipe import Recipe, read_recipe
from wavenet_ae.resume import resume_arguments, with_changes
from wavenet_ae.runs import RunFolder


def is_recipe(arguments: Sequence[str]) -> bool:
    """Returns whether the folder that `resume=<folder>` names is that of a recipe."""
    return RunFolder(resume_arguments(arguments)[0]).recipe.is_file()


def resumed_recipe(arguments: Sequence[str]) -> tuple[Recipe, Path]:
    """Reads the recipe of `resume=<folder> [key=value ...] [stages.NAME.key=value ...]`.

    Args:
        arguments: Arguments of the command line, in any order.

    Returns:
        The recipe, in which values are changed for all stages or for one, and its folder.

    Raises:
        UserError: The record cannot be read, or a value may not change.
    """
    folder, given = resume_arguments(arguments)
    recipe, file = read_recipe(folder), RunFolder(folder).recipe
    common, own = sorted_by_stage(given)
    for name in own.keys() - recipe.configs.keys():
        raise UserError(f"there is no stage {name!r}.{nearest(name, recipe.configs)}")
    configs = {
        name: with_changes(config, file, [*common, *own.get(name, ())])
        for name, config in recipe.configs.items()
    }
    return Recipe(recipe.stages, configs), folder
