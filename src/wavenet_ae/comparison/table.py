"""Results of runs as a CSV for programs and as a table for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from rich import box
from rich.console import Console
from rich.table import Table

from wavenet_ae.comparison.differences import in_words, short_names
from wavenet_ae.comparison.groups import Group, Row, behind_the_best, best_first, grouped
from wavenet_ae.comparison.metrics import EXPLAINED, Column, chosen, column, cost, words
from wavenet_ae.objectives import Criterion
from wavenet_ae.storage import write_bytes

WIDTH = 116
MAX_LEVEL_HEADINGS = 3  # settings, beyond which headings take several lines
BEHIND = "behind best: seed by seed, since the seed chooses the samples of the validation"


def write_csv(path: Path, rows: Sequence[Row], criterion: Criterion) -> Path:
    """Writes a row for each run, with all its metrics in full; what it does not have stays empty.

    Returns:
        The path.
    """
    metrics = sorted({name for row in rows for name in row.result.metrics} - {criterion.metric})
    first = [criterion.metric] if metrics else []
    columns = ["run", *_keys(rows), "status", "steps", *first, *metrics]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in rows:
        result = row.result
        status = f"{result.status}: {result.reason}" if result.reason else result.status
        own = {"run": result.name, "status": status, "steps": result.num_steps}
        writer.writerow({**row.settings, **result.metrics, **own})
    write_bytes(path, text.getvalue().encode())
    return path


def console_table(
    rows: Sequence[Row], title: str, criterion: Criterion, asked: Sequence[str] = ()
) -> Table:
    """Makes a table of runs, or of groups over seeds where there are several, best first.

    Args:
        rows: The runs.
        title: The title of the table.
        criterion: The metric by which they are compared.
        asked: Metrics in columns, all of which are shown; empty for the usual ones, as
            many as have room.
    """
    groups = grouped(rows)
    there = {name for row in rows for name in row.result.metrics}
    metrics = chosen(asked, criterion.metric, there)
    is_grouped = any(len(group.rows) > 1 for group in groups)

    def table(num_metrics: int) -> Table:
        columns = [column(each) for each in metrics[:num_metrics]]
        if is_grouped:
            return _table_of_groups(groups, title, criterion, columns)
        return _table_of_runs(rows, title, criterion, columns)

    return table(len(metrics)) if asked else _widest(table, len(metrics))


def _widest(table: Callable[[int], Table], num_metrics: int) -> Table:
    """Returns the table with the most metrics for which there is room."""
    console = Console(width=10 * WIDTH, markup=False, emoji=False)
    while num_metrics > 1 and console.measure(table(num_metrics)).maximum > WIDTH:
        num_metrics -= 1
    return table(num_metrics)


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row.settings))


def _table_of_runs(
    rows: Sequence[Row], title: str, criterion: Criterion, columns: Sequence[Column]
) -> Table:
    keys = _keys(rows)
    table = _new_table(title, ["run", *_headings(keys), "status"], [], criterion, columns)

    def place(row: Row) -> float:
        value = row.result.metrics.get(criterion.metric)
        return float("inf") if value is None else cost(value, criterion)

    for row in sorted(rows, key=place):
        metrics = row.result.metrics
        settings = (in_words(row.settings.get(key)) for key in keys)
        main = Column(criterion.metric, "", 3).cell(metrics)
        cells = [each.cell(metrics) for each in columns]
        table.add_row(row.result.name, *settings, row.result.status, main, *cells)
    return table


def _table_of_groups(
    groups: Sequence[Group], title: str, criterion: Criterion, columns: Sequence[Column]
) -> Table:
    """Makes a table of means over the finished runs of each group, with ranges of the criterion."""
    groups = best_first(groups, criterion)
    behind = behind_the_best(groups, criterion)
    spreads = ["range", *["behind best"] * any(behind)]
    is_named = all(group.name for group in groups)
    keys = list(dict.fromkeys(key for group in groups for key in group.settings))
    headings = ["name"] if is_named else _headings(keys)
    table = _new_table(title, [*headings, "runs"], spreads, criterion, columns)
    for group, own in zip(groups, behind, strict=True):
        settings = [in_words(group.settings.get(key)) for key in keys]
        done, asked, values = len(group.finished), len(group.rows), group.values(criterion.metric)
        num_runs = str(done) if done == asked else f"{done} of {asked}"
        ranges = [_range(values) if len(values) > 1 else "", _range(own)][: len(spreads)]
        main = Column(criterion.metric, "", 3).cell(_means(group, [criterion.metric]))
        means = _means(group, [each.metric for each in columns])
        cells = [each.cell(means) for each in columns]
        table.add_row(*([group.name] if is_named else settings), num_runs, main, *ranges, *cells)
    return table


def _means(group: Group, metrics: Sequence[str]) -> dict[str, float]:
    """Returns means over the finished runs of a group that have a metric."""
    return {each: mean(values) for each in metrics if (values := group.values(each))}


def _headings(keys: Sequence[str]) -> list[str]:
    names = short_names(keys)
    is_crowded = len(keys) > MAX_LEVEL_HEADINGS
    return [each.replace("_", "_\n") for each in names] if is_crowded else names


def _new_table(
    title: str,
    texts: Sequence[str],
    spreads: Sequence[str],
    criterion: Criterion,
    columns: Sequence[Column],
) -> Table:
    caption = _caption(spreads, criterion, columns)
    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, caption_justify="left")
    for heading in texts:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("status", "runs"))
    for heading in (_main_heading(criterion), *spreads, *(each.heading for each in columns)):
        table.add_column(heading, justify="right", no_wrap="\n" not in heading)
    return table


def _main_heading(criterion: Criterion) -> str:
    return words(criterion.metric.rpartition("/")[2])


def _caption(spreads: Sequence[str], criterion: Criterion, columns: Sequence[Column]) -> str:
    extreme = "lowest" if criterion.direction == "minimize" else "highest"
    heading = _main_heading(criterion)
    lines = [f"At the validation with the {extreme} {heading}; {heading} in {criterion.unit}."]
    lines += [EXPLAINED[each.metric] for each in columns if each.metric in EXPLAINED]
    return "\n".join([*lines, *[BEHIND] * ("behind best" in spreads)])


def _range(values: Sequence[float]) -> str:
    """Returns nothing for no values, and one number for values alike in three digits."""
    if not values:
        return ""
    low, high = (f"{round(end, 3) + 0.0:.3f}" for end in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
