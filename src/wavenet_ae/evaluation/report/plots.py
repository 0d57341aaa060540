"""The plots of a page, each of what evaluations have measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wavenet_ae.dashboards.history import RunHistory, read_metrics
from wavenet_ae.evaluation.report.plot_data import (
    METRIC_LABELS,
    comparable_series,
    examples,
    memory_curves,
    shares_of,
    unit_tables,
)
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.plotting.alignment import plot_alignment
from wavenet_ae.plotting.curves import plot_learning_curves
from wavenet_ae.plotting.figures import svg_element
from wavenet_ae.plotting.memory import plot_memory
from wavenet_ae.plotting.rate_distortion import plot_rate_distortion
from wavenet_ae.plotting.spectrograms import RANGE_DECIBELS
from wavenet_ae.plotting.style import COLORS
from wavenet_ae.plotting.units import (
    MAX_LABELS,
    MAX_UNITS,
    LabelShares,
    UnitUsage,
    plot_label_shares,
    plot_unit_usage,
)
from wavenet_ae.runs import RunFolder


@dataclass(frozen=True)
class Plot:
    """A plot as a page embeds it.

    Attributes:
        title: Its heading.
        about: What it shows, in a sentence or two.
        svg: An <svg> element, whose identifiers no other plot of the page has.
    """

    title: str
    about: str
    svg: str


def plots(results: Sequence[EvaluationResult]) -> list[Plot]:
    """Plots all that models with different names have measured.

    Raises:
        UserError: If a run's metrics.csv cannot be read.
    """
    kinds = (_learning_curves, _rate_distortion, _usage, _labels_of_units, _alignments, _memory)
    return [plot for kind in kinds for plot in kind(results)]


def _learning_curves(results: Sequence[EvaluationResult]) -> Iterator[Plot]:
    """Plots the models whose runs are there, as many in one plot as there are colors."""
    runs = [
        RunHistory(each.name, read_metrics(RunFolder(each.run_folder).metrics), {})
        for each in results
        if each.run_folder is not None
    ]
    about = (
        "Training batches, and at each validation the true codes and those of another utterance; "
        "how many codes are in use, as their perplexity."
    )
    for first in range(0, len(runs), len(COLORS)):
        figure = plot_learning_curves(runs[first : first + len(COLORS)])
        if figure is not None:
            yield Plot("Learning curves", about, svg_element(figure, f"curves-{first}"))


def _rate_distortion(results: Sequence[EvaluationResult]) -> Iterator[Plot]:
    """Plots each speech on which several models were evaluated, some of which have a rate."""
    about = (
        "Lower is better, and so is further left.  Bits per second as the codes' frequencies "
        "have them (unigram), or the KL; a dashed line is a model without a rate."
    )
    for index, series in enumerate(comparable_series(results)):
        figure = plot_rate_distortion(series, METRIC_LABELS)
        if figure is not None:
            yield Plot("Rate and distortion", about, svg_element(figure, f"rates-{index}"))


def _usage(results: Sequence[EvaluationResult]) -> Iterator[Plot]:
    tables = {each.name: tables[0] for each in results if (tables := unit_tables(each))}
    about = (
        "The share of frames that each unit has.  A line that ends early leaves units unused; one "
        "that falls steeply uses few.  Where there are many units the most frequent are shown."
    )
    if tables:
        usages = [
            UnitUsage(f"{name}, {table.kind}", table.shares, table.num_units)
            for name, table in tables.items()
        ]
        svg = svg_element(plot_unit_usage(usages), "usage")
        yield Plot("Use of the units", about, svg)


def _labels_of_units(results: Sequence[EvaluationResult]) -> Iterator[Plot]:
    """Plots the units of each model, and k-means beside them, all on one scale."""
    found = {each.name: kinds for each in results if (kinds := _label_shares(each))}
    brightest = max((kind.shares.max() for kinds in found.values() for kind in kinds), default=1)
    about = (
        "Labels most frequent first; units by their commonest label, each column adding up to "
        f"1.  Of more than {MAX_UNITS} units or {MAX_LABELS} labels the most frequent are shown."
    )
    for index, (name, kinds) in enumerate(found.items()):
        svg = svg_element(plot_label_shares(kinds, float(brightest)), f"labels-{index}")
        yield Plot(f"Labels of each unit: {name}", about, svg)


def _label_shares(result: EvaluationResult) -> list[LabelShares]:
    """Returns those of the model's own units, which come first, and of the last baseline."""
    tables = [table for table in unit_tables(result) if table.labeled.any()]
    return [shares_of(each) for each in (tables if len(tables) < 2 else [tables[0], tables[-1]])]


def _alignments(results: Sequence[EvaluationResult]) -> Iterator[Plot]:
    for index, example in enumerate(examples(results)):
        about = (
            f"{example.utterance}: labels above, units below by their numbers, each number with a "
            f"color.  Power in dB, {RANGE_DECIBELS} from white to black."
        )
        svg = svg_element(plot_alignment(example), f"example-{index}")
        yield Plot("Units and labels of an utterance", about, svg)


def _memory(results: Sequence[EvaluationResult]) -> Iterator[Plot]:
    """Plots each model by itself: receptive fields differ."""
    about = (
        "How well log-mel frames are decoded from a representation, by how far they lie behind it, "
        "on utterances that the decoders were not trained on.  What exceeds the present frame is "
        "memory."
    )
    for index, result in enumerate(results):
        if (found := memory_curves(result)) is not None:
            svg = svg_element(plot_memory(*found), f"memory-{index}")
            yield Plot(f"Memory: {result.name}", about, svg)
