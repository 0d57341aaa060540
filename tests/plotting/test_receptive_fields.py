"""The plot of receptive fields has a column for each level, and a line at the output."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small

from wavenet_ae.metrics.frames_read import measure_frames_read
from wavenet_ae.models import build
from wavenet_ae.plotting.figures import save
from wavenet_ae.plotting.receptive_fields import plot_receptive_fields

START = {"png": b"\x89PNG", "pdf": b"%PDF", "jpg": b"\xff\xd8\xff"}


def plotted(encoder: str):
    torch.manual_seed(0)
    model = build(small("vqvae", encoder), ["anna"]).double().eval()
    fields = measure_frames_read(model)
    return model, fields, plot_receptive_fields(fields, 8000, model.encoder.features.bands_hz)


def test_columns_show_what_is_read_up_to_the_line():
    _, fields, figure = plotted("causal")
    mains, strips = figure.axes[0:2], figure.axes[2:4]
    assert [axes.get_title() for axes in mains] == ["latents", "vectors"]
    for field, main, strip in zip(fields, mains, strips, strict=True):
        image = np.ma.asarray(main.images[0].get_array())
        assert image.shape == tuple(field.gradient.shape) == (20, len(field.frames))
        columns = [field.frames[i] for i in range(image.shape[1]) if image[:, i].count()]
        assert set(columns) == field.computed and max(columns) == 0
        assert [list(line.get_xdata()) for line in main.lines] == [[0, 0]]
        starts = [path.vertices[:, 0].mean() for path in strip.collections[0].get_paths()]
        assert len(starts) == len(field.computed) and max(starts) == pytest.approx(0, abs=3)
    assert mains[0].get_ylabel() == "frequency in kHz"
    assert [text.get_text() for text in mains[0].get_yticklabels()][-1] == "2"
    assert strips[0].get_xlabel() == "time from the output in ms"


def test_an_encoder_of_the_waveform_has_no_frequencies():
    _, fields, figure = plotted("waveform")
    line = figure.axes[0].lines[0]
    assert len(line.get_ydata()) == len(fields[0].frames) and not figure.axes[0].images


@pytest.mark.parametrize("suffix", START)
def test_the_suffix_is_the_format(suffix, tmp_path):
    _, _, figure = plotted("causal")
    assert save(figure, tmp_path / f"a.{suffix}").read_bytes().startswith(START[suffix])
