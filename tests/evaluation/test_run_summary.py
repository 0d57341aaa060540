"""A run's metrics are read by step, and its pictures are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from wavenet_ae.evaluation.plots import draw_learning_curve, draw_usage, read_metrics

METRICS = """step,train/nll,validation/nll,validation/nll_other_codes,validation/perplexity
9,5.5,,,
19,4.5,4.4,4.6,
29,3.5,3.25,4.5,12.5
"""


@pytest.fixture
def metrics(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(METRICS)
    return path


def test_each_figure_has_the_steps_that_logged_it(metrics):
    found = read_metrics(metrics)
    assert found["train/nll"][0].tolist() == [10, 20, 30]
    assert found["validation/nll"][0].tolist() == [20, 30]
    assert found["validation/perplexity"][1].tolist() == [12.5]


def is_drawn(png) -> bool:
    picture = np.asarray(Image.open(png).convert("L"))
    return picture.shape[1] > 600 and (picture < 128).mean() > 0.005


def test_pictures_are_drawn(metrics, tmp_path):
    draw_learning_curve(metrics, tmp_path / "curve.png")
    draw_usage(np.array([5, 0, 3, 2]), "codes", tmp_path / "usage.png")
    assert is_drawn(tmp_path / "curve.png") and is_drawn(tmp_path / "usage.png")
