"""Hydra plugin for searches; Hydra looks for plugins in this namespace package.

The search itself is in `wavenet_ae.search`. Every Hydra command imports this file, also in the
processes of a launcher.
"""

from __future__ import annotations

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SearchSweeper(Sweeper):
    """Sweeper `hydra/sweeper=search`: Optuna chooses the values of trials.

    Running the same command again continues a search.

    Args:
        **settings: Fields of `wavenet_ae.search.settings.SearchSettings`, checked when the search
            starts.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(
        self,
        *,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
    ) -> None:
        """Keeps what Hydra passes to a sweeper."""
        self.config = config
        self.context, self.task = hydra_context, task_function

    def sweep(self, arguments: list[str]) -> None:
        """Runs the search with the command line's `arguments`."""
        from wavenet_ae.exits import guarded
        from wavenet_ae.search.search import search  # Optuna is slow to import

        config = self.config
        assert config is not None
        guarded(lambda: search(self.settings, arguments, config, self.context, self.task))
