"""Configurations of whole runs in this process."""

from __future__ import annotations

from pathlib import Path

import hydra
import pytest
from helpers.configs import TINY
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.config import check, plain
from wavenet_ae.training.preflight import check_sizes

CONF = Path(__file__).parents[2] / "conf"
PLACE = ["run_folder=unused", "name=test"]


@pytest.fixture
def config(cache, monkeypatch, tmp_path):
    """A function from overrides to a plain configuration whose run folder is fresh."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))

    def compose(*overrides: str, folder: str = "run") -> dict:
        without_width = {
            *("encoder=identity", "encoder=pretrained", "encoder=wav2vec2"),
            *("model=wavenet", "model=mfcc_inverter"),
        } & {*overrides}
        other = ["encoder."] if without_width else []
        other += ["decoder."] if "decoder=gru" in overrides else []
        tiny = [each for each in TINY if not each.startswith(tuple(other))]
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            composed = hydra.compose("config", [*PLACE, *tiny, *overrides])
        values = plain(composed)
        values["run_folder"] = str(tmp_path / folder)
        check(values)
        check_sizes(values)
        return values

    return compose
