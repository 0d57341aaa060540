"""How the models were trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wavenet_ae.dashboards.drawing import COLORS, draw_panel, drawn_keys, run_handles
from wavenet_ae.dashboards.history import RunHistory, read_metrics
from wavenet_ae.evaluation.report.figure import Figure, as_figure
from wavenet_ae.evaluation.report.figure_style import add_legend, drawing_of, legend_inches
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.plotting.curves import LEARNING_CURVE
from wavenet_ae.runs import RunFolder

PANEL_INCHES = 3.4


def curves(results: Sequence[EvaluationResult]) -> Iterator[Figure]:
    """A figure for every so many models as colors tell apart, of those whose runs are there."""
    runs = [
        RunHistory(each.name, read_metrics(RunFolder(each.run_folder).metrics), {})
        for each in results
        if each.run_folder is not None
    ]
    for first in range(0, len(runs), len(COLORS)):
        yield from _drawn(runs[first : first + len(COLORS)], f"curves-{first}")


def _drawn(runs: Sequence[RunHistory], name: str) -> Iterator[Figure]:
    panels = [panel for panel in LEARNING_CURVE if drawn_keys(panel, runs)]
    if not panels:
        return
    has_legend = len(runs) > 1
    height = PANEL_INCHES * len(panels) + has_legend * legend_inches(len(runs))
    drawing = drawing_of(height)
    parts = drawing.subfigures(len(panels), 1, squeeze=False).flat
    for part, panel in zip(parts, panels, strict=True):
        draw_panel(part, panel, runs, panel.title)
    if has_legend:
        add_legend(drawing, run_handles(runs))
    about = (
        "Training batches, and at each validation the true codes and those of another utterance; "
        "how many codes are in use, as their perplexity."
    )
    yield as_figure(drawing, name, "Learning curves", about)
