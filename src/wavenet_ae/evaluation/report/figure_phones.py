"""What is said where a unit stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from wavenet_ae.evaluation.report.figure import Figure, as_figure
from wavenet_ae.evaluation.report.figure_style import drawing_of, shortened
from wavenet_ae.evaluation.report.unit_tables import UnitTable, unit_tables
from wavenet_ae.evaluation.results import EvaluationResult

MOST_UNITS, MOST_LABELS = 128, 64  # that can be told apart
MOST_NUMBERS = 48  # units up to which each has its number
LABEL_INCHES = 0.115
MOST_CHARACTERS = 12


@dataclass(frozen=True)
class Matrix:
    """shares  (L, U): P(label | unit) over labeled frames, of `labels` and `units`
    title    the kind of the units
    """

    title: str
    shares: np.ndarray
    labels: Sequence[str]
    units: np.ndarray


def matrices(results: Sequence[EvaluationResult]) -> Iterator[Figure]:
    """One for each model whose units were counted, all on one scale."""
    found = {each.name: kinds for each in results if (kinds := _kinds(each))}
    brightest = max(
        (matrix.shares.max() for kinds in found.values() for matrix in kinds), default=1
    )
    for index, (name, kinds) in enumerate(found.items()):
        height = sum(0.8 + LABEL_INCHES * len(matrix.labels) for matrix in kinds)
        drawing = drawing_of(height)
        ratios = [len(matrix.labels) for matrix in kinds]
        parts = drawing.subplots(len(kinds), 1, squeeze=False, height_ratios=ratios)[:, 0]
        for axes, matrix in zip(parts, kinds, strict=True):
            image = _draw(axes, matrix, float(brightest))
        place: dict[str, Any] = dict(ax=list(parts), location="bottom", aspect=40, pad=0.01)
        drawing.colorbar(image, label="P(label | unit)", **place)
        about = (
            "Labels most frequent first; units by their commonest label, each column adding up to "
            f"1.  Of more than {MOST_UNITS} units or {MOST_LABELS} labels the most frequent are "
            "drawn."
        )
        yield as_figure(drawing, f"phones-{index}", f"Labels of each unit: {name}", about)


def _kinds(result: EvaluationResult) -> list[Matrix]:
    """The model's own units, which are the first, and k-means on MFCC, the last."""
    tables = [table for table in unit_tables(result) if table.labeled.any()]
    return [matrix(each) for each in (tables if len(tables) < 2 else [tables[0], tables[-1]])]


def matrix(table: UnitTable) -> Matrix:
    """Of a table with labeled frames.  Units of one commonest label stand together, those that
    say it most clearly first."""
    labels = np.argsort(-table.counts.sum(axis=0), kind="stable")[:MOST_LABELS]
    frequent = np.argsort(-table.labeled, kind="stable")[:MOST_UNITS]
    kept = frequent[table.labeled[frequent] > 0]
    shares = (table.counts[kept] / table.labeled[kept, None])[:, labels].T  # (L, U)
    order = np.lexsort((-shares.max(axis=0), shares.argmax(axis=0)))
    names = [table.labels[label] for label in labels]
    return Matrix(table.kind, shares[:, order], names, table.units[kept][order])


def _draw(axes: Axes, matrix: Matrix, brightest: float) -> AxesImage:
    limits: dict[str, Any] = dict(vmin=0, vmax=brightest, cmap="Blues")
    image = axes.imshow(matrix.shares, aspect="auto", interpolation="none", **limits)
    names = [shortened(each, MOST_CHARACTERS) for each in matrix.labels]
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.tick_params(length=0)
    axes.set(title=matrix.title, xlabel=f"{len(matrix.units)} units, by their commonest label")
    if len(matrix.units) <= MOST_NUMBERS:
        numbers = [str(each) for each in matrix.units]
        axes.set_xticks(range(len(numbers)), numbers, fontsize=6, rotation=90)
    else:
        axes.set_xticks([])
    return image
