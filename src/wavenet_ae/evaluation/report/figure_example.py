"""Codes and labels over the spectrogram of an utterance, in lines as a text has them.

labels |  dh  | ah |   k   |   ae   | t |
       |          spectrogram           |
codes  |12|  7  |3| 44 |  44  | 9 | 9   |
       0        time in s             1.0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb

from wavenet_ae.evaluation.report.examples import Band, Example, Span, examples
from wavenet_ae.evaluation.report.figure import Figure, as_figure
from wavenet_ae.evaluation.report.figure_style import WIDTH_INCHES, drawing_of, shortened
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.metrics.distances import HOP_SECONDS, WINDOW_SECONDS, power_spectra

LINE_SECONDS = 1.0  # in which a unit of 20 ms has room for its number, upright
RANGE_DECIBELS = 70  # below the loudest point
BAND_INCHES, SPECTROGRAM_INCHES, MARGIN_INCHES = 0.22, 0.95, 0.42
POINTS_A_SECOND = 72 * (WIDTH_INCHES - 1) / LINE_SECONDS
FONT_POINTS, FONT_ASPECT = 5.5, 0.62  # of digits and letters, width over height
MOST_CHARACTERS = 14
GOLDEN = 0.618  # the part of a circle by which numbers that follow each other differ most in hue


def examples_over_spectrograms(results: Sequence[EvaluationResult]) -> Iterator[Figure]:
    """One for each utterance, with a line of units for each model that was evaluated on it."""
    for index, example in enumerate(examples(results)):
        num_lines = ceil(example.seconds / LINE_SECONDS)
        drawing = drawing_of(num_lines * (_top(example) - _bottom(example) + MARGIN_INCHES))
        decibels = 10 * np.log10(power_spectra(example.samples, example.rate)).T
        decibels = decibels - decibels.max()
        all_axes = drawing.subplots(num_lines, 1, squeeze=False)[:, 0]
        for line, axes in enumerate(all_axes):
            begin = line * LINE_SECONDS
            _draw_spectrogram(axes, decibels, begin, example.rate)
            for place, band in _places(example):
                _draw_band(axes, band, place, begin, begin + LINE_SECONDS)
            _label(axes, example, begin)
        all_axes[-1].set_xlabel("time in s")
        about = (
            f"{example.utterance}: labels above, units below by their numbers, each number with a "
            f"color.  Power in dB, {RANGE_DECIBELS} from white to black."
        )
        yield as_figure(drawing, f"example-{index}", "Units and labels of an utterance", about)


def _top(example: Example) -> float:
    return SPECTROGRAM_INCHES + BAND_INCHES * bool(example.labels.spans)


def _bottom(example: Example) -> float:
    return -BAND_INCHES * len(example.units)


def _places(example: Example) -> Iterator[tuple[float, Band]]:
    """Where each band begins in inches above the spectrogram's foot."""
    if example.labels.spans:
        yield SPECTROGRAM_INCHES, example.labels
    for number, band in enumerate(example.units, start=1):
        yield -BAND_INCHES * number, band


def _draw_spectrogram(axes: Axes, decibels: np.ndarray, begin: float, rate: int) -> None:
    """Of decibels (bins, F) the frames of one line."""
    first = max(round(begin / HOP_SECONDS) - 1, 0)  # what begins in the line above
    shown = decibels[:, first : round((begin + LINE_SECONDS) / HOP_SECONDS)]
    if not shown.shape[1]:
        return
    start = first * HOP_SECONDS + (WINDOW_SECONDS - HOP_SECONDS) / 2
    extent = (start, start + HOP_SECONDS * shown.shape[1], 0, SPECTROGRAM_INCHES)
    limits: dict[str, Any] = dict(vmin=-RANGE_DECIBELS, vmax=0, cmap="Grays")
    axes.imshow(shown, origin="lower", aspect="auto", extent=extent, interpolation="none", **limits)


def _draw_band(axes: Axes, band: Band, place: float, begin: float, end: float) -> None:
    """Spans as far as they lie in the line from `begin` to `end`."""
    shown = [each.within(begin, end) for each in band.spans if each.overlaps(begin, end)]
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


def _rotation(span: Span) -> int | None:
    """Along the line if it fits, else upright; None where a label fits neither way."""
    width, height = POINTS_A_SECOND * (span.end - span.begin), 72 * BAND_INCHES
    length = len(span.label) * FONT_POINTS * FONT_ASPECT
    if length <= width:
        return 0
    return 90 if length <= height and width >= FONT_POINTS else None


def _color(label: str) -> np.ndarray:
    """(3,) pale, and the same for the same number."""
    return hsv_to_rgb((int(label) * GOLDEN % 1, 0.4, 1))


def _label(axes: Axes, example: Example, begin: float) -> None:
    names = {
        place + BAND_INCHES / 2: shortened(band.name, MOST_CHARACTERS)
        for place, band in _places(example)
    }
    names |= {0: "0", SPECTROGRAM_INCHES / 2: f"{example.rate / 4000:.3g} kHz"}
    axes.set_yticks(list(names), list(names.values()), fontsize=7)
    axes.set_ylim(_bottom(example), _top(example))
    axes.set_xlim(begin, begin + LINE_SECONDS)
    axes.tick_params(axis="y", length=0)
