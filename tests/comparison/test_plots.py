"""Plots of compared runs show their metrics where their axes say."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.summary_runs import comparison, config, rows_of, write_run
from matplotlib.axes import Axes
from PIL import Image

from wavenet_ae.comparison import plots
from wavenet_ae.comparison.groups import grouped
from wavenet_ae.comparison.metrics import criterion
from wavenet_ae.plotting.figures import save
from wavenet_ae.plotting.style import COLORS


def points(axes: Axes) -> dict[str, tuple[float, float]]:
    """Coordinates of the first point of each line that the legend names."""
    return {
        line.get_label(): (line.get_xdata()[0], line.get_ydata()[0])
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def plot_results(groups):
    return plots.plot_results(groups, criterion({}))


def words(figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_groups_are_plotted_against_their_rates(tmp_path):
    figure = plot_results(grouped(rows_of(comparison(tmp_path))))
    rates, _ = figure.axes
    assert rates.get_xscale() == "log"
    assert points(rates) == {
        "identity, no rate": (0, pytest.approx(2.515)),
        "vae": (900, pytest.approx(2.615)),
        "vqvae": (280, pytest.approx(2.715)),
        "fsq": (290, pytest.approx(2.81)),
    }
    hollow = [line for line in rates.lines if line.get_markerfacecolor() == "white"]
    assert sorted(line.get_ydata()[0] for line in hollow) == pytest.approx([2.715, 2.81])
    assert {line.get_xdata()[0] for line in hollow} == {300}
    seeds = [line for line in rates.lines if line.get_alpha() == 0.5]
    assert [len(line.get_xdata()) for line in seeds] == [2, 2], "a run of fsq has failed"
    low, high = rates.get_xlim()
    assert low < 280 and high > 900
    assert words(figure) == [
        *("at the entropy of its codes, or KL", "at the nominal rate", "each run, joined by seed"),
        "identity, no rate",
    ]


def test_groups_are_plotted_by_name_lowest_first(tmp_path):
    rates, names = plot_results(grouped(rows_of(comparison(tmp_path)))).axes
    shown = [each.get_text() for each in names.get_xticklabels()]
    assert shown == ["identity", "vae", "vqvae", "fsq"]
    means = [line for line in names.lines if line.get_alpha() is None]
    assert [line.get_xdata()[0] for line in means] == [0, 1, 2, 3]
    heights = [line.get_ydata()[0] for line in means]
    assert heights == pytest.approx([2.515, 2.615, 2.715, 2.81])
    looks = {line.get_label(): line.get_color() for line in rates.lines}
    assert [line.get_color() for line in means[1:]] == [looks[x] for x in ("vae", "vqvae", "fsq")]


def test_each_series_has_its_own_color_and_marker(tmp_path):
    for number in range(9):
        values = config("vqvae", bottleneck={"codebook_size": 2**number})
        rates = {"nominal": 50.0 * number, "unigram": 49.0 * number}
        write_run(tmp_path / str(number), values, rates=rates)
    axes, _ = plot_results(grouped(rows_of(tmp_path))).axes
    named = [line for line in axes.lines if not line.get_label().startswith("_")]
    looks = {(line.get_color(), line.get_marker()) for line in named}
    assert len(named) == len(looks) == 9
    assert axes.get_xlim()[0] > 0, "a collapsed codebook has rate 0"


def test_nll_against_a_number(tmp_path):
    for number, rate in enumerate([1e-4, 1e-3, 1e-2]):
        for seed in (1, 2):
            values = config(optimizer={"learning_rate": rate}, seed=seed)
            nlls = (4.0, 4.0, 3.0 + number / 10 + seed / 100)
            write_run(tmp_path / f"{number}-{seed}", values, nlls, {"nominal": 300.0})
    (axes,) = plot_results(grouped(rows_of(tmp_path))).axes
    assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "optimizer.learning_rate")
    runs, *means = axes.lines
    assert runs.get_xdata().tolist() == [1e-4, 1e-4, 1e-3, 1e-3, 1e-2, 1e-2]
    assert [line.get_ydata()[0] for line in means] == pytest.approx([3.015, 3.115, 3.215])


def test_nll_against_words_and_several_settings(tmp_path):
    for number, (init, size) in enumerate([("kmeans", 64), ("uniform", 64), ("kmeans", 96)]):
        values = config(bottleneck={"init": init}, optimizer={"warmup_steps": size})
        write_run(tmp_path / str(number), values)
    first, second = plot_results(grouped(rows_of(tmp_path))).axes  # and no third, empty one
    assert [each.get_text() for each in first.get_xticklabels()] == ["kmeans", "uniform"]
    assert second.get_xscale() == "linear" and second.get_xlabel() == "optimizer.warmup_steps"


def test_null_is_a_word_among_words(tmp_path):
    for number, kept in enumerate(["mean", None]):
        write_run(tmp_path / str(number), config(bottleneck={"code_weighting": kept}))
    (axes,) = plot_results(grouped(rows_of(tmp_path))).axes
    assert [each.get_text() for each in axes.get_xticklabels()] == ["mean", "null"]


@pytest.mark.parametrize("num_runs", [0, 1])
def test_fewer_than_two_runs_have_no_plot(num_runs, tmp_path):
    for number in range(num_runs):
        write_run(tmp_path / str(number), config())
    assert plot_results(grouped(rows_of(tmp_path))) is None


def test_runs_without_a_validation_are_not_plotted(tmp_path):
    for option in ("vqvae", "fsq"):
        write_run(tmp_path / option, config(option), nlls=())
    assert plot_results(grouped(rows_of(tmp_path))) is None


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_plots_are_written_in_the_format_of_their_suffix(suffix, tmp_path):
    figure = plot_results(grouped(rows_of(comparison(tmp_path / "sweep"))))
    path = save(figure, tmp_path / "out" / f"sweep.{suffix}")
    if suffix == "pdf":
        assert path.read_bytes().startswith(b"%PDF")
    else:
        image = np.asarray(Image.open(path).convert("RGB")).astype(int)
        assert image.shape[1] >= 1000
        for color in COLORS[1:4]:
            wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
            assert (abs(image - wanted).sum(axis=2) < 12).sum() > 50, color
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_values_of_failed_runs_and_infinite_values(tmp_path):
    for number, clip in enumerate([None, None, 1e9]):
        values = config(trainer={"gradient_clip_val": clip}, seed=number)
        failed = write_run(tmp_path / "clips" / str(number), values) / "failed.txt"
        if clip:
            failed.write_text("diverged")
    plot_results(grouped(rows_of(tmp_path / "clips")))
    for number, rate in enumerate([0.1, float("inf")]):
        values = config(optimizer={"learning_rate": rate})
        write_run(tmp_path / "rates" / str(number), values)
    (axes,) = plot_results(grouped(rows_of(tmp_path / "rates"))).axes
    assert [each.get_text() for each in axes.get_xticklabels()] == ["0.1", "inf"]


def test_ticks_of_similar_nlls_are_written_in_full(tmp_path):
    for number, rate in enumerate((0.001, 0.002)):
        values = config(optimizer={"learning_rate": rate})
        write_run(tmp_path / str(number), values, (4.0, 2.74 + 1e-4 * number))
    figure = plot_results(grouped(rows_of(tmp_path)))
    figure.canvas.draw()
    (axes,) = figure.axes
    assert axes.yaxis.get_major_formatter().get_offset() == ""
    assert all(2.7 < float(each.get_text()) < 2.8 for each in axes.get_yticklabels())


def test_settings_without_room_are_named_above_the_panels(tmp_path):
    for number in range(2):
        varied = {f"setting_{n}": number + n for n in range(8)}
        write_run(tmp_path / str(number), config(optimizer=varied))
    figure = plot_results(grouped(rows_of(tmp_path)))
    assert len(figure.axes) == 6
    assert figure.get_suptitle() == "Not plotted: optimizer.setting_6, optimizer.setting_7"
