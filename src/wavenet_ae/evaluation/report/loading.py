"""Results of several evaluations for one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wavenet_ae.evaluation.config import unique_names
from wavenet_ae.evaluation.results import EvaluationResult


def load_results(paths: Sequence[Path]) -> list[EvaluationResult]:
    """Loads results, whose models get unique names.

    Raises:
        UserError: If a file is not a result.
    """
    results = [EvaluationResult.load(each) for each in paths]
    names = unique_names([each.name for each in results])
    return [
        replace(each, model={**each.model, "name": name})
        for each, name in zip(results, names, strict=True)
    ]
