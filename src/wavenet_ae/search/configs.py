"""Configurations of the runs of a sweep, composed and checked before the first of them trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from wavenet_ae.config import check, plain_of_composed
from wavenet_ae.recipes.compose import compose_recipe
from wavenet_ae.recipes.preflight import check_recipe
from wavenet_ae.recipes.recipe import Recipe
from wavenet_ae.search.sweep_runs import require_one_device


class SweepConfigs:
    """The plain configuration of each run of a sweep.

    Args:
        loader: Hydra's configuration loader.
        config: Configuration of the sweep, with Hydra's own.
        folder: Folder of the sweep.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig, folder: Path) -> None:
        self.loader, self.config, self.folder = loader, config, folder
        self.sizes: set[str] = set()  # of models that have been built

    def checked(self, overrides: Sequence[str]) -> dict[str, Any]:
        """Composes the configuration of a run, and makes the checks that training makes of it.

        A model is built once for all runs that have it.

        Returns:
            The plain configuration; of a recipe, that of its last stage, which stands for it.

        Raises:
            UserError: If the run would be refused.
        """
        composed = self.loader.load_sweep_config(self.config, list(overrides))
        if composed.get("stages") is not None:
            return self._checked_recipe(compose_recipe(composed.hydra, self.loader))
        values = plain_of_composed(composed, self.folder)
        check(values)
        require_one_device(values)
        self._check_sizes(values)
        return values

    def _checked_recipe(self, recipe: Recipe) -> dict[str, Any]:
        """Checks a recipe, and returns its last stage's configuration, which has all stages."""
        for each in recipe.configs.values():
            require_one_device(each)
        check_recipe(recipe, self.folder)
        return {**recipe.configs[recipe.last.name], "stages": recipe.as_plain()}

    def _check_sizes(self, values: Mapping[str, Any]) -> None:
        from wavenet_ae.training.preflight import check_sizes, decides_sizes  # torch: slow

        sizes = json.dumps(decides_sizes(values), sort_keys=True, default=str)
        if sizes not in self.sizes:
            check_sizes(values)
            self.sizes.add(sizes)
