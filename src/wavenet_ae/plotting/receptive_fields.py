"""Receptive fields of a model: the gradient of an output by time and frequency.

One column for each level of the model; a line where the output is anchored:

    latents              vectors
    |  gradient    |     |  gradient    |       channels of the features
    |              |     |              |
    |== == ==      |     |== == ==      |       frames that the geometry says are read
     -100   0  ms         -100   0  ms
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from wavenet_ae.metrics.frames_read import FrameField
from wavenet_ae.plotting.style import COLORS, DOTS_PER_INCH, FONT_SIZES, GRAY

COLUMN_INCHES, HEIGHT_INCHES = 3.6, 3.4
SMALLEST = 1e-4  # of the largest gradient, on the scale of colors
MAX_BARS = 100  # frames up to which each of them is a bar of its own
ROUND_HZ = (125, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000)
UNREAD_COLOR, LINE_COLOR, LEAK_COLOR = "0.88", "black", COLORS[1]


def plot_receptive_fields(
    fields: Sequence[FrameField], sample_rate: int, bands_hz: tuple[float, float] | None = None
) -> Figure:
    """Plots what an output of each level reads.

    Args:
        fields: One for each level.
        sample_rate: In Hz.
        bands_hz: Where channels are mel bands, edges of the lowest and the highest; else None.
    """
    with rc_context(FONT_SIZES):
        size = (COLUMN_INCHES * len(fields) + 0.6, HEIGHT_INCHES)
        figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
        grid = figure.subplots(
            2, len(fields), squeeze=False, sharex="col", gridspec_kw={"height_ratios": [10, 1]}
        )
        images = [
            _plot_field(field, main, strip, sample_rate, bands_hz)
            for field, (main, strip) in zip(fields, grid.T, strict=True)
        ]
        if images[0] is not None:
            bar = figure.colorbar(images[0], ax=list(grid[0]))
            bar.set_label("gradient over its largest value (gray: 0)")
    return figure


def _plot_field(
    field: FrameField,
    main: Axes,
    strip: Axes,
    sample_rate: int,
    bands_hz: tuple[float, float] | None,
) -> AxesImage | None:
    """Fills the axes of a level; returns the image, None for features of a single channel."""
    milliseconds = 1000 / sample_rate
    gradient = field.gradient.double().cpu().numpy()  # (C, F)
    relative = gradient / (gradient.max() or 1)
    starts = [
        float(field.instants.anchor(frame) - field.instants.spacing / 2) * milliseconds
        for frame in (field.frames.start, field.frames.stop)
    ]
    hop = float(field.instants.spacing) * milliseconds
    image = _image(main, relative, starts) if len(gradient) > 1 else None
    if image is None:
        main.step([starts[0] + hop * (i + 0.5) for i in range(gradient.shape[1])], relative[0])
        main.set_ylabel("gradient over its largest value")
    elif bands_hz is None:
        main.set_ylabel("channel of the features")
    else:
        _number_bands(main, len(gradient), bands_hz)
    main.set_title(field.level)
    _fill_strip(field, strip, milliseconds)
    for axes in (main, strip):
        axes.axvline(0, color=LINE_COLOR, linewidth=1.2)
        axes.set_xlim(*starts)
    strip.set_xlabel("time from the output in ms")
    return image


def _image(axes: Axes, relative: np.ndarray, starts: Sequence[float]) -> AxesImage:
    """Draws magnitudes (C, F) on a logarithmic scale; those of 0 have a color of their own."""
    colors = colormaps["viridis"].with_extremes(bad=UNREAD_COLOR)
    return axes.imshow(
        np.ma.masked_equal(relative, 0),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(starts[0], starts[1], -0.5, len(relative) - 0.5),
        norm=LogNorm(SMALLEST, 1),
        cmap=colors,
    )


def _number_bands(axes: Axes, num_bands: int, bands_hz: tuple[float, float]) -> None:
    """Writes frequencies beside the bands that are centered on them."""
    lowest, highest = _mel(np.array(bands_hz))
    spacing = (highest - lowest) / (num_bands + 1)
    ticks = {hz: (_mel(np.array(hz)) - lowest) / spacing - 1 for hz in ROUND_HZ}
    shown = {hz: float(band) for hz, band in ticks.items() if 0 <= band <= num_bands - 1}
    axes.set_yticks([*shown.values()], [f"{hz / 1000:g}" for hz in shown])
    axes.set_ylabel("frequency in kHz")


def _mel(hz: np.ndarray) -> np.ndarray:
    """Mels of frequencies, by the formula of torchaudio's filters."""
    mels: np.ndarray = 2595 * np.log10(1 + hz / 700)
    return mels


def _fill_strip(field: FrameField, axes: Axes, milliseconds: float) -> None:
    """Marks the frames that are read by the geometry, and those that are only measured to be."""
    hop = float(field.instants.spacing) * milliseconds

    width = hop if len(field.frames) > MAX_BARS else 0.8 * hop

    def bars(frames: frozenset[int]) -> list[tuple[float, float]]:
        centers = [float(field.instants.anchor(frame)) * milliseconds for frame in sorted(frames)]
        return [(center - width / 2, width) for center in centers]

    if field.computed is None:
        axes.text(0.02, 0.5, "no fixed set", transform=axes.transAxes, va="center", color=GRAY)
    else:
        axes.broken_barh(bars(field.computed), (0.15, 0.7), facecolors=COLORS[0])
        axes.broken_barh(bars(field.leaks), (0.15, 0.7), facecolors=LEAK_COLOR)
    axes.set(ylim=(0, 1), yticks=[])
    axes.set_ylabel("read", rotation=0, ha="right", va="center")
