"""Learning curves and usage of units, for runs without codes too."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from wavenet_ae.dashboards.history import RunHistory
from wavenet_ae.plotting.curves import plot_learning_curves
from wavenet_ae.plotting.figures import save
from wavenet_ae.plotting.units import UnitUsage, plot_unit_usage

STEPS = np.array([10, 20, 30])
TRAINING = {"train/nll": (STEPS, np.array([5.5, 4.5, 3.5]))}
VALIDATION = {
    "validation/nll": (STEPS[1:], np.array([4.4, 3.25])),
    "validation/nll_shuffled_codes": (STEPS[1:], np.array([4.6, 4.5])),
    "validation/perplexity": (STEPS[2:], np.array([12.5])),
}


def is_plotted(png) -> bool:
    pixels = np.asarray(Image.open(png).convert("L"))
    return pixels.shape[1] > 600 and (pixels < 128).mean() > 0.005


def test_learning_curves_have_a_panel_for_the_perplexity_if_it_was_logged(tmp_path):
    runs = {"both": {**TRAINING, **VALIDATION}, "training": TRAINING}
    for name, scalars in runs.items():
        figure = plot_learning_curves([RunHistory(name, scalars, {})])
        assert is_plotted(save(figure, tmp_path / f"{name}.png"))
    heights = [Image.open(tmp_path / f"{name}.png").height for name in runs]
    assert heights[0] > 1.5 * heights[1], "the perplexity has a panel below"
    assert plot_learning_curves([RunHistory("empty", {}, {})]) is None


def test_several_runs_have_a_legend():
    runs = [RunHistory(name, TRAINING, {}) for name in ("a", "b")]
    (legend,) = plot_learning_curves(runs).legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]


def test_usage_is_sorted_and_shown_with_uniform_use(tmp_path):
    figure = plot_unit_usage([UnitUsage("codes", np.array([0.2, 0.5, 0.3]), 4)])
    assert is_plotted(save(figure, tmp_path / "usage.png"))
    (axes,) = figure.axes
    assert axes.lines[0].get_ydata() == pytest.approx([50, 30, 20])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["codes: 3 of 4 used", "uniform use"]
