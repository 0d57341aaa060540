"""The plot of memory has a line for each representation and decoder, over what a code reads."""

from __future__ import annotations

from wavenet_ae.plotting.memory import MemoryCurve, plot_memory


def test_lines_are_colored_by_representation_and_dashed_by_decoder():
    lags = [0.0, 10.0, 20.0]
    curves = [
        MemoryCurve(name, decoder, lags, [0.9, 0.5, -0.2])
        for name in ("vectors", "present frame")
        for decoder in ("linear", "MLP")
    ]
    figure = plot_memory(curves, (0.0, 10.0))
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines if ", " in str(line.get_label())}
    assert list(lines) == [
        *("vectors, linear", "vectors, MLP", "present frame, linear", "present frame, MLP"),
    ]
    colors = [line.get_color() for line in lines.values()]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    dashes = [line.get_linestyle() for line in lines.values()]
    assert dashes[0] == dashes[2] != dashes[1] == dashes[3]
    assert list(lines["vectors, MLP"].get_ydata()) == [0.9, 0.5, 0], "not below the axis"
    (area,) = axes.patches
    assert (area.get_x(), area.get_x() + area.get_width()) == (0, 10)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["read by the code", *lines]
