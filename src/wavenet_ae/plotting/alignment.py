"""Units and labels over the spectrogram of an utterance, in lines as a text has them.

labels |  dh  | ah |   k   |   ae   | t |
       |          spectrogram           |
units  |12|  7  |3| 44 |  44  | 9 | 9   |
       0        time in s             1.0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure

from wavenet_ae.metrics.distances import HOP_SECONDS
from wavenet_ae.plotting.figures import PAGE_INCHES, page_figure
from wavenet_ae.plotting.spectrograms import FIRST_SECONDS, RANGE_DECIBELS, decibels
from wavenet_ae.plotting.style import PAGE_STYLE, shortened

LINE_SECONDS = 1.0  # in which a unit of 20 ms has room for its number, upright
BAND_INCHES, SPECTROGRAM_INCHES, MARGIN_INCHES = 0.22, 0.95, 0.42
POINTS_A_SECOND = 72 * (PAGE_INCHES - 1) / LINE_SECONDS
FONT_POINTS, FONT_ASPECT = 5.5, 0.62  # of digits and letters, width over height
MAX_CHARACTERS = 14
GOLDEN = 0.618  # the part of a circle by which numbers that follow each other differ most in hue


@dataclass(frozen=True)
class Interval:
    """A label from `begin` to `end`, in seconds."""

    label: str
    begin: float
    end: float

    def overlaps(self, begin: float, end: float) -> bool:
        """Returns whether any of it lies between two times."""
        return self.begin < end and self.end > begin

    def within(self, begin: float, end: float) -> Interval:
        """Cuts off what does not lie between two times."""
        return Interval(self.label, max(self.begin, begin), min(self.end, end))


@dataclass(frozen=True)
class Band:
    """Intervals one after the other.

    Attributes:
        name: What people call it.
        intervals: The intervals.
        is_colored: Whether labels are numbers, each of which has a color.
    """

    name: str
    intervals: Sequence[Interval]
    is_colored: bool


@dataclass(frozen=True)
class Alignment:
    """An utterance with its labels and the units of one or several models.

    Attributes:
        utterance: Its name.
        samples: (T,) int16.
        sample_rate: In Hz.
        labels: Its labels; a band without intervals is left out.
        units: A band for each model and codebook.
    """

    utterance: str
    samples: np.ndarray
    sample_rate: int
    labels: Band
    units: Sequence[Band]

    @property
    def seconds(self) -> float:
        """How long the utterance is."""
        return len(self.samples) / self.sample_rate

    @property
    def top(self) -> float:
        """Inches from the spectrogram's foot to the top of a line."""
        return SPECTROGRAM_INCHES + BAND_INCHES * bool(self.labels.intervals)

    @property
    def bottom(self) -> float:
        """Inches from the spectrogram's foot to the bottom of a line, below 0."""
        return -BAND_INCHES * len(self.units)

    def places(self) -> Iterator[tuple[float, Band]]:
        """Yields each band, with the inches from the spectrogram's foot to its own."""
        if self.labels.intervals:
            yield SPECTROGRAM_INCHES, self.labels
        for number, band in enumerate(self.units, start=1):
            yield -BAND_INCHES * number, band


def plot_alignment(alignment: Alignment) -> Figure:
    """Plots an utterance in lines of a second, labels above its spectrogram and units below."""
    num_lines = ceil(alignment.seconds / LINE_SECONDS)
    height = num_lines * (alignment.top - alignment.bottom + MARGIN_INCHES)
    spectrum = decibels(alignment.samples, alignment.sample_rate)
    spectrum = spectrum - spectrum.max()
    with matplotlib.rc_context(PAGE_STYLE):
        figure = page_figure(height)
        all_axes = figure.subplots(num_lines, 1, squeeze=False)[:, 0]
        for line, axes in enumerate(all_axes):
            begin = line * LINE_SECONDS
            _plot_spectrogram(axes, spectrum, begin)
            for place, band in alignment.places():
                _plot_band(axes, band, place, begin, begin + LINE_SECONDS)
            _label_axes(axes, alignment, begin)
        all_axes[-1].set_xlabel("time in s")
    return figure


def _plot_spectrogram(axes: Axes, spectrum: np.ndarray, begin: float) -> None:
    """Plots the columns of a spectrogram (bins, F) that belong to one line."""
    first = max(round(begin / HOP_SECONDS) - 1, 0)  # what begins in the line above
    shown = spectrum[:, first : round((begin + LINE_SECONDS) / HOP_SECONDS)]
    if not shown.shape[1]:
        return
    start = first * HOP_SECONDS + FIRST_SECONDS
    extent = (start, start + HOP_SECONDS * shown.shape[1], 0, SPECTROGRAM_INCHES)
    limits: dict[str, Any] = dict(vmin=-RANGE_DECIBELS, vmax=0, cmap="Grays")
    axes.imshow(shown, origin="lower", aspect="auto", extent=extent, interpolation="none", **limits)


def _plot_band(axes: Axes, band: Band, place: float, begin: float, end: float) -> None:
    """Plots intervals as far as they lie in the line from `begin` to `end`."""
    shown = [each.within(begin, end) for each in band.intervals if each.overlaps(begin, end)]
    axes.broken_barh(
        [(each.begin, each.end - each.begin) for each in shown],
        (place, BAND_INCHES),
        facecolors=[_color(each.label) if band.is_colored else "white" for each in shown],
        edgecolor="0.35",
        linewidth=0.4,
    )
    for each in shown:
        rotation = _rotation(each)
        if rotation is not None:
            where = ((each.begin + each.end) / 2, place + BAND_INCHES / 2)
            style: dict[str, Any] = dict(
                ha="center", va="center", fontsize=FONT_POINTS, rotation=rotation
            )
            text = axes.text(*where, each.label, clip_on=True, **style)
            text.set_in_layout(False)  # it lies inside: to measure each would take seconds


def _rotation(interval: Interval) -> int | None:
    """Returns 0 if a label fits along the line, 90 if it fits upright, None if neither."""
    width, height = POINTS_A_SECOND * (interval.end - interval.begin), 72 * BAND_INCHES
    length = len(interval.label) * FONT_POINTS * FONT_ASPECT
    if length <= width:
        return 0
    return 90 if length <= height and width >= FONT_POINTS else None


def _color(number: str) -> np.ndarray:
    """Returns a pale color (3,), the same for the same number."""
    return hsv_to_rgb((int(number) * GOLDEN % 1, 0.4, 1))


def _label_axes(axes: Axes, alignment: Alignment, begin: float) -> None:
    names = {
        place + BAND_INCHES / 2: shortened(band.name, MAX_CHARACTERS)
        for place, band in alignment.places()
    }
    names |= {0: "0", SPECTROGRAM_INCHES / 2: f"{alignment.sample_rate / 4000:.3g} kHz"}
    axes.set_yticks(list(names), list(names.values()), fontsize=7)
    axes.set_ylim(alignment.bottom, alignment.top)
    axes.set_xlim(begin, begin + LINE_SECONDS)
    axes.tick_params(axis="y", length=0)
