"""Units of a model: how evenly they are used, and which labels occur with each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from wavenet_ae.plotting.figures import add_legend, legend_inches, page_figure
from wavenet_ae.plotting.style import (
    FEW_POINTS,
    GRAY,
    PAGE_STYLE,
    line_style,
    number_log_axis,
    shortened,
)

PANEL_INCHES = 3.2
UNIFORM = "uniform use"
MAX_UNITS, MAX_LABELS = 128, 64  # that a plot of labels has room for
MAX_NUMBERS = 48  # units up to which each has its number
LABEL_INCHES = 0.115
MAX_CHARACTERS = 12  # of a label


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


@dataclass(frozen=True)
class LabelShares:
    """How often each label occurs where a unit does.

    Attributes:
        title: What the units are.
        shares: (L, U) P(label | unit) over labeled frames.
        labels: The names of the labels.
        units: (U,) the numbers of the units.
    """

    title: str
    shares: np.ndarray
    labels: Sequence[str]
    units: np.ndarray


def label_shares(
    title: str,
    counts: np.ndarray,
    labeled: np.ndarray,
    labels: Sequence[str],
    units: np.ndarray,
) -> LabelShares:
    """Orders labels and units so that a plot shows which belong together.

    Labels stand most frequent first; units that share their commonest label stand together, the
    one in which it has the greatest share first.  Of more than `MAX_LABELS` labels or `MAX_UNITS`
    units the most frequent are kept.

    Args:
        title: What the units are.
        counts: (U, L) frames of each unit and label.
        labeled: (U,) frames of each unit with any label, also one that has no column.
        labels: Names of the L labels.
        units: (U,) the numbers of the units.
    """
    kept_labels = np.argsort(-counts.sum(axis=0), kind="stable")[:MAX_LABELS]
    frequent = np.argsort(-labeled, kind="stable")[:MAX_UNITS]
    kept = frequent[labeled[frequent] > 0]
    shares = (counts[kept] / labeled[kept, None])[:, kept_labels].T  # (L, U)
    order = np.lexsort((-shares.max(axis=0), shares.argmax(axis=0)))
    names = [labels[label] for label in kept_labels]
    return LabelShares(title, shares[:, order], names, units[kept][order])


def plot_label_shares(kinds: Sequence[LabelShares], brightest: float) -> Figure:
    """Plots the labels of several kinds of units, one below the other.

    Args:
        kinds: One or more kinds of units.
        brightest: The share that has the darkest color, alike for plots that are compared.
    """
    height = sum(0.8 + LABEL_INCHES * len(kind.labels) for kind in kinds)
    with matplotlib.rc_context(PAGE_STYLE):
        figure = page_figure(height)
        ratios = [len(kind.labels) for kind in kinds]
        parts = figure.subplots(len(kinds), 1, squeeze=False, height_ratios=ratios)[:, 0]
        for axes, kind in zip(parts, kinds, strict=True):
            image = _plot_kind(axes, kind, brightest)
        place: dict[str, Any] = dict(ax=list(parts), location="bottom", aspect=40, pad=0.01)
        figure.colorbar(image, label="P(label | unit)", **place)
    return figure


def _plot_kind(axes: Axes, kind: LabelShares, brightest: float) -> AxesImage:
    limits: dict[str, Any] = dict(vmin=0, vmax=brightest, cmap="Blues")
    image = axes.imshow(kind.shares, aspect="auto", interpolation="none", **limits)
    names = [shortened(each, MAX_CHARACTERS) for each in kind.labels]
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.tick_params(length=0)
    axes.set(title=kind.title, xlabel=f"{len(kind.units)} units, by their commonest label")
    if len(kind.units) <= MAX_NUMBERS:
        numbers = [str(each) for each in kind.units]
        axes.set_xticks(range(len(numbers)), numbers, fontsize=6, rotation=90)
    else:
        axes.set_xticks([])
    return image
