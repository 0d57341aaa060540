"""What the pictures of sweeps share: axes that people can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator

NLL_LABEL = "validation NLL, nats per sample"


def name_places(axes: Axes, names: Sequence[str]) -> None:
    """Names below 0, 1, ..., slanted where they would touch."""
    is_long = max(map(len, names)) * len(names) > 30
    slanted: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), names, **(slanted if is_long else {}))


def label_nll(axes: Axes) -> None:
    """Each number in full, also where all are alike: 2.7412, not 12 of 1e-4 + 2.74."""
    axes.ticklabel_format(axis="y", style="plain", useOffset=False)


def scale_by_ratio(axes: Axes) -> None:
    """A logarithmic x axis with plain numbers where they have room."""
    low, high = axes.get_xlim()
    axes.set_xscale("log", nonpositive="clip")
    axes.set_xlim(low, high)
    steps = (1.0,) if high > 100 * low else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(MaxNLocator(5) if high < 10 * low else LogLocator(subs=steps))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
