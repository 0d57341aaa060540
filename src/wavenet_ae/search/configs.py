"""Configurations of the runs of a sweep, composed and checked before the first of them trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from wavenet_ae.config import check, plain
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

        Raises:
            UserError: If the run would be refused.
        """
        values = self._composed(overrides)
        check(values)
        require_one_device(values)
        self._check_sizes(values)
        return values

    def _composed(self, overrides: Sequence[str]) -> dict[str, Any]:
        composed = self.loader.load_sweep_config(self.config, list(overrides))
        before = HydraConfig.instance().cfg
        try:
            HydraConfig.instance().set_config(composed)  # `${hydra:...}` interpolates it
            with open_dict(composed):
                del composed["hydra"]
                composed.run_folder = str(self.folder)
            return plain(composed)
        finally:
            HydraConfig.instance().cfg = before

    def _check_sizes(self, values: Mapping[str, Any]) -> None:
        from wavenet_ae.training.preflight import check_sizes, decides_sizes  # torch: slow

        sizes = json.dumps(decides_sizes(values), sort_keys=True, default=str)
        if sizes not in self.sizes:
            check_sizes(values)
            self.sizes.add(sizes)
