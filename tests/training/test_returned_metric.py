"""Training returns the lowest validation NLL of a run, which a search minimizes."""

from __future__ import annotations

from math import isnan

import pytest

from wavenet_ae.checkpoint import read_checkpoint
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.run import train


def test_the_value_is_that_of_the_best_checkpoint(config):
    # The learning rate is so high that the last value is not the lowest.
    values = config("bottleneck=ae", "optimizer.decoder_learning_rate=0.3")
    nll = train(values)
    run = RunFolder(values["run_folder"])
    logged = read_metrics(run.metrics)["validation/nll"][1]
    assert len(logged) == 4 and nll == pytest.approx(min(logged), rel=1e-6)
    assert nll < logged[-1]
    best = read_checkpoint(run.best_checkpoint)
    assert best["callbacks"]["Checkpoints"]["best_value"] == nll
    assert train(values) == nll
    assert len(run.provenance.read_text().splitlines()) == 1, "a finished run is not trained again"


def test_the_value_is_nan_before_the_first_validation(config):
    values = config("bottleneck=ae", "trainer.max_steps=4")
    assert isnan(train(values)) and isnan(train(values))
