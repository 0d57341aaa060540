"""What a run gives to a sweep: its lowest validation NLL, also where it has ended before."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import hydra
import pytest
from helpers.configs import TINY
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.checkpoint import read_checkpoint
from wavenet_ae.config import plain
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.run import train

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def config(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        place = [f"run_folder={tmp_path / 'run'}", "name=test"]
        return plain(hydra.compose("config", [*TINY, *place, "bottleneck=ae"]))


def test_it_is_that_of_the_best_checkpoint(config):
    config["optimizer"]["decoder_learning_rate"] = 0.3  # so high that the last is not the lowest
    figure = train(config)
    folder = Path(config["run_folder"])
    logged = read_metrics(RunFolder(folder).metrics)["validation/nll"][1]
    assert len(logged) == 4 and figure == pytest.approx(min(logged), rel=1e-6)
    assert figure < logged[-1]
    best = read_checkpoint(RunFolder(folder).best_checkpoint)
    assert best["callbacks"]["Checkpoints"]["best_value"] == figure
    assert train(config) == figure, "a run that has ended"
    assert len(RunFolder(folder).provenance.read_text().splitlines()) == 1, "is not trained again"


def test_there_is_none_before_a_validation(config):
    config["trainer"]["max_steps"] = 4
    assert isnan(train(config)) and isnan(train(config))
