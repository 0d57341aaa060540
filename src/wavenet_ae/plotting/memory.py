"""Memory of codes: explained variance of the frames behind a code, by lag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure

from wavenet_ae.metrics.memory import RECALLED
from wavenet_ae.plotting.figures import add_legend, legend_inches, page_figure
from wavenet_ae.plotting.style import COLORS, GRAY, PAGE_STYLE, cycle

PANEL_INCHES = 3.2
DASHES = ("-", "--", ":")


@dataclass(frozen=True)
class MemoryCurve:
    """What a decoder gives back of a representation.

    Attributes:
        representation: Name of the representation.
        decoder: Name of the decoder.
        lags_ms: (L,) how far behind the code each frame lies; negative ones are ahead.
        explained: (L,) explained variance of each.
    """

    representation: str
    decoder: str
    lags_ms: Sequence[float]
    explained: Sequence[float]


def plot_memory(curves: Sequence[MemoryCurve], read_ms: tuple[float, float]) -> Figure:
    """Plots explained variance against lag: colors are representations, dashes decoders.

    Args:
        curves: All of one model.
        read_ms: First and last lag that a code reads.
    """
    names = list(dict.fromkeys(curve.representation for curve in curves))
    decoders = list(dict.fromkeys(curve.decoder for curve in curves))
    with matplotlib.rc_context(PAGE_STYLE):
        figure = page_figure(PANEL_INCHES + legend_inches(len(curves)))
        axes = figure.subplots()
        axes.set(xlabel="lag behind the code in ms", ylabel="explained variance")
        axes.axvspan(*read_ms, color="0.93", label="read by the code")
        axes.axhline(RECALLED, color=GRAY, linewidth=0.8, linestyle=":")
        for curve in curves:
            axes.plot(
                curve.lags_ms,
                [max(0.0, each) for each in curve.explained],
                color=cycle(COLORS, names.index(curve.representation)),
                linestyle=cycle(DASHES, decoders.index(curve.decoder)),
                label=f"{curve.representation}, {curve.decoder}",
            )
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
        add_legend(figure, axes.get_legend_handles_labels()[0])
    return figure
