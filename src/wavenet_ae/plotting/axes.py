"""Axes that people can read: plain numbers, and names that do not touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, MaxNLocator

MAX_CHARACTERS = 40  # of all names below an axis together, up to which they are written level


def set_names(axes: Axes, names: Sequence[str]) -> None:
    """Writes names below 0, 1, ..., slanted where they would touch."""
    is_long = max(map(len, names)) * len(names) > MAX_CHARACTERS
    slanted: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), names, **(slanted if is_long else {}))
    axes.set_xlim(-0.6, len(names) - 0.4)


def write_numbers_in_full(axes: Axes) -> None:
    """Writes 2.7412 on the y axis, also where all numbers are alike, and not 12 of 1e-4 + 2.74."""
    axes.ticklabel_format(axis="y", style="plain", useOffset=False)


def set_log_x(axes: Axes, low: float, high: float) -> None:
    """Makes the x axis logarithmic from `low` to `high`, which are above 0."""
    axes.set_xscale("log", nonpositive="clip")
    axes.set_xlim(low, high)
    number_log_axis(axes.xaxis, low, high)


def number_log_axis(axis: Axis, low: float, high: float) -> None:
    """Writes plain numbers where they have room on a logarithmic axis from `low` to `high`."""
    steps = (1.0,) if high > 100 * low else (1.0, 2.0, 5.0)
    axis.set_major_locator(MaxNLocator(5) if high < 5 * low else LogLocator(subs=steps))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")
