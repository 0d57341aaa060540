"""Plots of compared runs: which one shows what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from matplotlib.figure import Figure

from wavenet_ae.comparison.differences import SEED, in_words
from wavenet_ae.comparison.groups import Group, best_first
from wavenet_ae.comparison.metrics import NOMINAL_RATE, USED_RATE, order
from wavenet_ae.objectives import Criterion
from wavenet_ae.plotting.by_setting import VariedSetting, plot_by_setting
from wavenet_ae.plotting.rate_distortion import plot_rate_distortion_and_names
from wavenet_ae.plotting.series import Run, Series, plot_by_name
from wavenet_ae.plotting.style import MARKERS

MAX_SERIES = len(MARKERS)
USED_LABEL = "bit/s: entropy of the codes, or KL"


def plot_results(groups: Sequence[Group], criterion: Criterion) -> Figure | None:
    """Plots the criterion of the finished runs.

    Where bottlenecks or nominal rates differ, up to `MAX_SERIES` groups share axes of rate and
    distortion.  Otherwise groups are plotted by name if each has a name of its own, and by each
    varied setting if not.

    Returns:
        The figure, or None if nothing was varied, or nothing measured.
    """
    measured = [group for group in groups if group.values(criterion.metric)]
    ordered = best_first(measured, criterion)
    series = [as_series(group) for group in ordered]
    label = f"{criterion.label}, {criterion.unit}"
    if 0 < len(measured) <= MAX_SERIES and has_rates(measured):
        metric = criterion.metric
        return plot_rate_distortion_and_names(series, metric, label, order(criterion))
    if len(measured) > 1 and all(group.name for group in measured):
        return plot_by_name(series, criterion.metric, label, order(criterion))
    settings = varied(measured, criterion.metric)
    return plot_by_setting(settings, label) if settings else None


def has_rates(groups: Sequence[Group]) -> bool:
    """Returns whether the groups differ in their rates."""
    finished = [each.metrics for group in groups for each in group.finished]
    is_varied = any("bottleneck" in group.settings for group in groups)
    return any(USED_RATE in each for each in finished) and (
        is_varied or len({each.get(NOMINAL_RATE) for each in finished}) > 1
    )


def as_series(group: Group) -> Series:
    """Returns the finished runs of a group as plots take them."""
    runs = [
        Run(row.result.metrics, row.result.metrics.get(USED_RATE), row.settings.get(SEED))
        for row in group.rows
        if row.result.is_finished
    ]
    nominal = group.values(NOMINAL_RATE)
    return Series(group.label, runs, nominal[0] if nominal else None)


def varied(groups: Sequence[Group], metric: str) -> list[VariedSetting]:
    """Returns each varied setting with the values of all runs that have a metric.

    The rate that is used comes last, if the groups differ in their rates.
    """
    runs = [
        (row.settings, row.result.metrics)
        for group in groups
        for row in group.rows
        if row.result.is_finished and metric in row.result.metrics
    ]
    keys = list(dict.fromkeys(key for settings, _ in runs for key in settings))
    keys = [key for key in keys if key != SEED] or keys
    found = [_setting(key, [(own.get(key), m[metric]) for own, m in runs]) for key in keys]
    if has_rates(groups):
        rates = [(metrics.get(USED_RATE), metrics[metric]) for _, metrics in runs]
        found.append(_setting(USED_LABEL, rates))
    return [each for each in found if each.values]  # all runs that have a value may have failed


def _setting(name: str, pairs: Sequence[tuple[Any, float]]) -> VariedSetting:
    """Makes values all numbers or all words.

    Among words null is one, and so is an infinite number; among numbers, a run without one is left
    out.
    """
    there = [(value, result) for value, result in pairs if value is not None]
    if not all(_is_number(value) for value, _ in there):
        there = [("null" if value is None else in_words(value), each) for value, each in pairs]
    return VariedSetting(name, [value for value, _ in there], [result for _, result in there])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
