"""How evenly units are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from wavenet_ae.plotting.axes import number_log_axis
from wavenet_ae.plotting.style import (
    FEW_POINTS,
    GRAY,
    PAGE_STYLE,
    add_legend,
    legend_inches,
    line_style,
    page_figure,
)

PANEL_INCHES = 3.2
UNIFORM = "uniform use"


@dataclass(frozen=True)
class UnitUsage:
    """How often the units of a model occur.

    Attributes:
        name: What the legend calls them.
        shares: (U,) of all frames, of the units that occur, in any order.
        num_units: How many there are.
    """

    name: str
    shares: np.ndarray
    num_units: int


def plot_unit_usage(usages: Sequence[UnitUsage]) -> Figure:
    """Plots the share of frames that each unit has, most frequent first, on a logarithmic axis."""
    with matplotlib.rc_context(PAGE_STYLE):
        figure = page_figure(PANEL_INCHES + legend_inches(len(usages) + 1))
        axes = figure.subplots()
        axes.set(xlabel="unit, most frequent first", ylabel="share of frames in %")
        axes.set_yscale("log")
        for index, usage in enumerate(usages):
            shares = np.sort(usage.shares)[::-1]
            label = f"{usage.name}: {len(shares)} of {usage.num_units} used"
            marker = "o" if len(shares) <= FEW_POINTS else None
            places = np.arange(1, len(shares) + 1)
            axes.plot(places, 100 * shares, marker=marker, label=label, **line_style(index))
        for size in sorted({usage.num_units for usage in usages}):
            last = min(size, max(len(usage.shares) for usage in usages))
            style: Any = {"color": GRAY, "linestyle": "--", "linewidth": 0.8}
            axes.hlines(100 / size, 1, last, label=UNIFORM, **style)
        number_log_axis(axes.yaxis, *axes.get_ylim())
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        handles, labels = axes.get_legend_handles_labels()
        add_legend(figure, list(dict(zip(labels, handles, strict=True)).values()))
    return figure
