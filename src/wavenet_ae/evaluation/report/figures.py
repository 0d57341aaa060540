"""All figures of a page."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from matplotlib import rc_context

from wavenet_ae.evaluation.report.figure import Figure
from wavenet_ae.evaluation.report.figure_curves import curves
from wavenet_ae.evaluation.report.figure_example import examples_over_spectrograms
from wavenet_ae.evaluation.report.figure_phones import matrices
from wavenet_ae.evaluation.report.figure_rates import rates
from wavenet_ae.evaluation.report.figure_style import STYLE
from wavenet_ae.evaluation.report.figure_usage import usage
from wavenet_ae.evaluation.results import EvaluationResult

IN_ORDER = (curves, rates, usage, matrices, examples_over_spectrograms)


def figures(results: Sequence[EvaluationResult]) -> list[Figure]:
    """Of models with unlike names; what was not measured has no figure.

    Raises UserError where a run's metrics.csv is none.
    """
    with rc_context(STYLE), warnings.catch_warnings():
        # The browser's fonts, and not matplotlib's, draw texts of other scripts.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        return [figure for draw in IN_ORDER for figure in draw(results)]
