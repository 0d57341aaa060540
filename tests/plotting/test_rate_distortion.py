"""Plots of rate and distortion: positions, legends, and metrics that are left out."""

from __future__ import annotations

import pytest

from wavenet_ae.plotting.rate_distortion import plot_rate_distortion
from wavenet_ae.plotting.series import Run, Series, looks

LABELS = {"nll": "NLL", "lsd": "LSD"}
CODES = Series("codes", [Run({"nll": 2.5}, used_rate=280.0)], nominal_rate=300.0)
COLLAPSED = Series("collapsed", [Run({"nll": 3.0}, used_rate=0.0)], nominal_rate=300.0)
VECTORS = Series("vectors", [Run({"nll": 2.0, "lsd": 9.0})])


def test_a_metric_of_one_model_is_left_out():
    figure = plot_rate_distortion([CODES, VECTORS], LABELS)
    assert [axes.get_ylabel() for axes in figure.axes] == ["NLL"]
    assert plot_rate_distortion([VECTORS, VECTORS], LABELS) is None, "none has a rate"


def test_the_legend_names_models_with_their_rates():
    figure = plot_rate_distortion([CODES, VECTORS], LABELS)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[-2:] == ["codes: 280 bit/s", "vectors: no rate"]


def test_a_collapsed_codebook_is_plotted_at_the_edge():
    (axes,) = plot_rate_distortion([CODES, COLLAPSED], LABELS).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["collapsed: 0 bit/s"].get_xdata()[0] == pytest.approx(axes.get_xlim()[0])


def test_series_differ_in_their_looks():
    rated = [Series(str(n), [Run({}, used_rate=1.0)]) for n in range(12)]
    assert len({(look.color, look.marker) for look in looks(rated)}) == 12
    unrated = looks([VECTORS, CODES, VECTORS])
    assert unrated[0].marker is None and unrated[0].dashes != unrated[2].dashes
