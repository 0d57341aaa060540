"""Pictures of a run for those who do not know its dashboard yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wavenet_ae.dashboards.history import Histogram, RunHistory, Scalars
from wavenet_ae.dashboards.pages import draw_page, save
from wavenet_ae.dashboards.panels import Panel

LEARNING_CURVE = (
    Panel(
        name="nll",
        section="",
        title="Negative log-likelihood",
        keys={
            "train/nll": "training",
            "validation/nll": "validation, true codes",
            "validation/nll_shuffled_codes": "validation, another item's codes: "
            "the gap is what the codes tell the decoder",
        },
        kind="lines",
        ylabel="nats per sample",
    ),
    Panel(
        name="perplexity",
        section="",
        title="Use of the codebook",
        keys={"validation/perplexity": "validation"},
        kind="lines",
        ylabel="perplexity of the codes",
        ymin=0,
    ),
)


def draw_learning_curve(scalars: Scalars, png: Path) -> None:
    """NLL in training and validation with true and other codes; below, usage of the codebook."""
    run = RunHistory("", scalars, {})
    panels = [panel for panel in LEARNING_CURVE if panel.matches(scalars)]
    save(draw_page(panels, [run], columns=1), png)


def draw_usage(counts: np.ndarray, kind: str, step: int, png: Path) -> None:
    """How often each unit (K,) occurs after `step` steps, most frequent first."""
    histogram = Histogram(step, -0.5, len(counts) - 0.5, counts)
    panel = Panel(
        name="usage",
        section="",
        title=f"Use of the units ({kind})",
        keys={"units": "units"},
        kind="bars",
        ylabel="share of frames in %",
        xlabel="unit, most frequent first",
        shares=True,
    )
    save(draw_page([panel], [RunHistory("", {}, {"units": [histogram]})]), png)
