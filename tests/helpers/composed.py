"""Configurations of conf/ that Hydra composes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.config import plain

CONF = Path(__file__).parents[2] / "conf"
PLACE = ["run_folder=unused", "name=test"]


def compose(*overrides: str, config_name: str = "config") -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return plain(hydra.compose(config_name, [*PLACE, *overrides]))
