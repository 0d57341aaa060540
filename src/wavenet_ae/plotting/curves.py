"""Learning curves: NLL in training and validation, and the use of the codebook."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

from wavenet_ae.dashboards.history import RunHistory
from wavenet_ae.dashboards.panels import Panel
from wavenet_ae.objectives import NLL
from wavenet_ae.plotting.figures import add_legend, legend_inches, page_figure
from wavenet_ae.plotting.panels import plot_panel, plotted_keys, run_handles
from wavenet_ae.plotting.style import PAGE_STYLE

PANEL_INCHES = 3.4
LEARNING_CURVES = (
    Panel(
        name="nll",
        section="",
        title="Negative log-likelihood",
        keys={
            "train/nll": "training",
            NLL.metric: "validation",
            f"{NLL.metric}_shuffled_codes": "validation, shuffled codes",
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


def plot_learning_curves(runs: Sequence[RunHistory]) -> Figure | None:
    """Plots the NLL of runs, and below it the perplexity of their codes.

    Args:
        runs: At most as many runs as there are colors.

    Returns:
        The figure, or None if no run has logged any of it.
    """
    panels = [panel for panel in LEARNING_CURVES if plotted_keys(panel, runs)]
    if not panels:
        return None
    has_legend = len(runs) > 1
    height = PANEL_INCHES * len(panels) + has_legend * legend_inches(len(runs))
    with matplotlib.rc_context(PAGE_STYLE):
        figure = page_figure(height)
        parts = figure.subfigures(len(panels), 1, squeeze=False).flat
        for part, panel in zip(parts, panels, strict=True):
            plot_panel(part, panel, runs, panel.title)
        _align_steps(figure)
        if has_legend:
            add_legend(figure, run_handles(runs))
    return figure


def _align_steps(figure: Figure) -> None:
    """Gives all panels the same steps, so that equal steps are below each other."""
    last = max(axes.get_xlim()[1] for axes in figure.axes)
    for axes in figure.axes:
        axes.set_xlim(0, last)
