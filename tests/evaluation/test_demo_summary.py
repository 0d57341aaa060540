"""The plots of a run are drawn, for runs without codes too."""

from __future__ import annotations

import numpy as np
from PIL import Image

from wavenet_ae.plotting.curves import draw_learning_curve, draw_usage

STEPS = np.array([10, 20, 30])
TRAINING = {"train/nll": (STEPS, np.array([5.5, 4.5, 3.5]))}
VALIDATION = {
    "validation/nll": (STEPS[1:], np.array([4.4, 3.25])),
    "validation/nll_shuffled_codes": (STEPS[1:], np.array([4.6, 4.5])),
    "validation/perplexity": (STEPS[2:], np.array([12.5])),
}


def is_drawn(png) -> bool:
    picture = np.asarray(Image.open(png).convert("L"))
    return picture.shape[1] > 600 and (picture < 128).mean() > 0.005


def test_plots_are_drawn(tmp_path):
    draw_learning_curve({**TRAINING, **VALIDATION}, tmp_path / "curve.png")
    draw_learning_curve(TRAINING, tmp_path / "training.png")
    draw_usage(np.array([5, 0, 3, 2]), "codes", 30, tmp_path / "usage.png")
    assert all(is_drawn(tmp_path / f"{name}.png") for name in ("curve", "training", "usage"))
    heights = [Image.open(tmp_path / f"{name}.png").height for name in ("curve", "training")]
    assert heights[0] > 1.5 * heights[1], "the perplexity is drawn below, where there is one"
