"""Pages of panels: titles, units, legends, and a line for each metric of each run."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers.dashboard_runs import NUM_CODES, default_panels, run_folder
from PIL import Image

from wavenet_ae.dashboards.history import Histogram, RunHistory, read_run
from wavenet_ae.dashboards.panels import Panel
from wavenet_ae.plotting.pages import plot_dashboard, plot_page
from wavenet_ae.plotting.panels import plotted_keys
from wavenet_ae.plotting.style import COLORS


@pytest.fixture(scope="module")
def healthy(tmp_path_factory) -> RunHistory:
    return read_run(run_folder(tmp_path_factory.mktemp("runs") / "A"), "healthy")


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory) -> RunHistory:
    folder = tmp_path_factory.mktemp("runs") / "B"
    return read_run(run_folder(folder, seed=1, collapse=0.9), "collapsed")


def default(name: str) -> Panel:
    return next(panel for panel in default_panels() if panel.name == name)


def lines(figure) -> list:
    return [line for line in figure.axes[0].lines if line.get_alpha() is None]


def words(figure) -> list[str]:
    """Texts of the legends of a page and of its parts."""
    return [
        text.get_text()
        for part in (figure, *figure.subfigs)
        for legend in part.legends
        for text in legend.get_texts()
    ]


def test_a_panel_of_one_run_has_a_line_for_each_key(healthy):
    figure = plot_page([default("nll_by_codes")], [healthy])
    (axes,) = figure.axes
    assert axes.get_title() == "Validation NLL with and without the item's own codes"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("optimizer step", "nats per sample")
    assert [line.get_color() for line in lines(figure)] == list(COLORS[:4])
    assert words(figure) == [
        *("own codes", "shuffled codes", "zeroed codes", "another speaker"),
    ]
    assert lines(figure)[0].get_xdata().tolist() == list(range(400, 4001, 400))
    assert figure.get_suptitle() == "healthy"


def test_runs_differ_by_color_and_keys_by_dashes(healthy, collapsed):
    figure = plot_page([default("perplexity")], [healthy, collapsed])
    styles = [(line.get_color(), str(line._dash_pattern)) for line in lines(figure)]
    assert len(set(styles)) == 6
    assert [color for color, _ in styles] == [COLORS[0]] * 3 + [COLORS[1]] * 3
    assert words(figure) == [
        *("healthy", "collapsed", "batch", "recent batches", "validation"),
    ]


def test_a_single_line_is_named_if_its_panel_has_several_keys(healthy):
    alone = RunHistory("alone", {"bottleneck/kl": healthy.scalars["train/nll"]}, {})
    assert words(plot_page([default("raw_losses")], [alone])) == ["KL"]
    assert words(plot_page([default("gradient")], [healthy])) == []


def test_limits_of_a_panel(healthy):
    (axes,) = plot_page([default("perplexity")], [healthy]).axes
    highest = max(line.get_ydata().max() for line in axes.lines)
    assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] > 1.04 * highest
    (axes,) = plot_page([default("used")], [healthy]).axes
    assert axes.get_ylim() == (0, 1.05)


def test_many_points_are_plotted_pale_below_their_means(healthy):
    panel = default("gradient")
    (axes,) = plot_page([panel], [healthy]).axes
    pale, means = axes.lines
    assert len(pale.get_xdata()) == 400 and pale.get_alpha() == 0.3
    assert len(means.get_xdata()) == 100
    assert means.get_ydata()[0] == pytest.approx(np.mean(pale.get_ydata()[:4]))
    assert axes.get_xlabel() == "optimizer step (pale: each value, line: means)"
    assert axes.get_yscale() == "log"


def test_usage_of_the_codes_is_sorted_and_shown_with_uniform_use(healthy, collapsed):
    figure = plot_page([default("usage")], [healthy])
    (axes,) = figure.axes
    heights = axes.patches[0].get_data().values
    assert len(heights) == NUM_CODES and (np.diff(heights) <= 0).all()
    assert heights.sum() == pytest.approx(100)
    assert words(figure)[0].startswith("step 4000: 64 of 64 used, perplexity 5")
    assert words(figure)[1:] == ["uniform use"]
    both = plot_page([default("usage")], [healthy, collapsed])
    assert words(both)[2].startswith("healthy, step 4000: 64 of 64 used")
    assert words(both)[3].startswith("collapsed, step 4000: 7 of 64 used")


def test_each_run_and_codebook_has_its_own_heatmap(healthy, collapsed):
    both = plot_page([default("usage_over_time")], [healthy, collapsed])
    titles = [axes.get_title() for axes in both.axes if axes.get_title()]
    assert titles == [
        f"Usage of the codes over training: {name}" for name in ("healthy", "collapsed")
    ]
    assert len(both.axes[0].collections) == 10, "a column for each validation"
    names = [f"codebook/usage/codebook_{number}" for number in (1, 2)]
    residual = RunHistory("rvq", {}, {name: [Histogram(5, 0, 3, np.arange(3))] for name in names})
    titles = [axes.get_title() for axes in plot_page([default("usage_over_time")], [residual]).axes]
    assert [each.split(": ")[1] for each in titles if each] == ["codebook 1", "codebook 2"]


def test_values_that_are_not_finite_are_plotted_without_a_warning(tmp_path):
    steps = np.array([1, 2, 3])
    odd = {
        "train/nll": (steps, np.array([5.0, np.inf, np.nan])),
        "train/gradient_norm": (steps, np.zeros(3)),
        "updates/encoder": (steps[:1], np.array([np.nan])),
        "codebook/max_age": (steps, np.array([1e30, -1e30, 0])),
    }
    empty = [Histogram(7, 0.0, 4.0, np.zeros(4))]
    run = RunHistory("odd", odd, {"codebook/usage": empty, "codebook/age": empty})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = plot_dashboard(default_panels(), [run], tmp_path, ["png"], "section")
    assert [file.stem for file in written.files] == ["learning", "codebook", "optimization"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "pdf"])
def test_a_page_is_written_in_each_format(suffix, healthy, tmp_path):
    panels = [default("perplexity"), default("usage"), default("active_units")]
    written = plot_dashboard(panels, [healthy], tmp_path / "new", [suffix], "section")
    assert written.files == [tmp_path / "new" / f"codebook.{suffix}"]
    assert written.left_out == ["active_units"]
    (file,) = written.files
    if suffix == "pdf":
        assert file.read_bytes().startswith(b"%PDF") and file.stat().st_size > 5000
    else:
        assert is_plotted(file)


def is_plotted(path) -> bool:
    image = np.asarray(Image.open(path).convert("L"))
    return image.shape[1] > 600 and (image < 128).mean() > 0.005


OF_OTHER_OBJECTIVES = ("contrastive", "masked_prediction")


def test_each_panel_can_have_its_own_file(healthy, tmp_path):
    panels = [panel for panel in default_panels() if panel.section == "latent use"]
    written = plot_dashboard(panels, [healthy], tmp_path, ["png"], "panel")
    assert [file.name for file in written.files] == [
        *("nll_by_codes.png", "nll_increase.png", "nll_increase_rate.png", "latents.png"),
    ]


def test_the_run_of_these_tests_has_all_metrics_of_a_codebook(healthy):
    """Checks that these tests plot all that training logs."""
    sections = ("learning", "latent use", "codebook", "encoder", "optimization", "input")
    panels = [panel for panel in default_panels() if panel.section in sections]
    panels = [each for each in panels if not each.name.startswith(OF_OTHER_OBJECTIVES)]
    missing = [panel.name for panel in panels if not plotted_keys(panel, [healthy])]
    of_several = ["perplexity_by_codebook", "perplexity_by_codebook_and_batch"]
    assert missing == of_several, "it has one codebook"
