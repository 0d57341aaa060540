"""The results of a sweep as a CSV for programs and as a table for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rich import box
from rich.table import Table

from wavenet_ae.comparison.groups import NOMINAL, Group, Row, grouped, used_rate
from wavenet_ae.comparison.keys import in_words, short_names
from wavenet_ae.comparison.paired import lowest_first, over_the_best
from wavenet_ae.comparison.summary import NLL, SPEED
from wavenet_ae.storage import write_bytes

WIDTH = 116
MOST_KEYS = 3  # beside which there is room for all figures
FEW_FIGURES = 1
GAIN = "validation/nll_increase_shuffled_codes"
CAPTION = (
    "Of the validation with the lowest NLL, in nats per sample.\n"
    "gain: what another item's codes cost\n"
    "bit/s used: entropy of the codes, or KL to the prior"
)
OVER_BEST = "\nover best: above the best, seed by seed, as the seed chooses what validation hears"


def _named(name: str) -> Callable[[Mapping[str, float]], float | None]:
    return lambda figures: figures.get(name)


# Heading, figure and digits, most important first.
COLUMNS: tuple[tuple[str, Callable[[Mapping[str, float]], float | None], int], ...] = (
    ("gain", _named(GAIN), 3),
    ("perplexity", _named("validation/perplexity"), 1),
    ("bit/s\nused", used_rate, 0),
    ("bit/s\nnominal", _named(NOMINAL), 0),
    ("x real\ntime", _named(SPEED), 1),
)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """One row a run, with all its figures in full; what a run does not have is left empty."""
    keys = _keys(rows)
    figures = sorted({name for row in rows for name in row.result.figures} - {NLL})
    columns = ["run", *keys, "status", "steps", *([NLL] if figures else []), *figures]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in rows:
        result = row.result
        status = f"{result.status}: {result.reason}" if result.reason else result.status
        own = {"run": result.name, "status": status, "steps": result.num_steps}
        writer.writerow({**row.settings, **result.figures, **own})
    write_bytes(path, text.getvalue().encode())


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row.settings))


def console_table(rows: Sequence[Row], title: str) -> Table:
    """Runs, or groups over seeds where there are several, lowest NLL first."""
    groups = grouped(rows)
    if any(len(group.rows) > 1 for group in groups):
        return _table_of_groups(groups, title)
    return _table_of_runs(rows, title)


def _table_of_runs(rows: Sequence[Row], title: str) -> Table:
    keys = _keys(rows)
    columns = _columns(keys, [row.result.figures for row in rows])
    table = _new_table(title, ["run", *_headings(keys), "status"], ["NLL"], columns)
    ordered = sorted(rows, key=lambda row: row.result.figures.get(NLL, float("inf")))
    for row in ordered:
        result = row.result
        settings = (in_words(row.settings.get(key)) for key in keys)
        figures = [_number(figure(result.figures), digits) for _, figure, digits in columns]
        nll = _number(result.figures.get(NLL), 3)
        table.add_row(result.name, *settings, result.status, nll, *figures)
    return table


def _table_of_groups(groups: Sequence[Group], title: str) -> Table:
    """Means over the finished runs of each group, and ranges of their NLLs and of what these are
    above the best group's."""
    keys = list(dict.fromkeys(key for group in groups for key in group.settings))
    columns = _columns(keys, [each.figures for group in groups for each in group.finished])
    groups = lowest_first(groups)
    above = over_the_best(groups)
    spreads = ["range", *["over best"] * any(above)]
    table = _new_table(title, [*_headings(keys), "runs"], ["NLL", *spreads], columns)
    table.caption = CAPTION + OVER_BEST * any(above)
    for group, own in zip(groups, above, strict=True):
        settings = (in_words(group.settings.get(key)) for key in keys)
        done, asked, nlls = len(group.finished), len(group.rows), group.figures(NLL)
        num_runs = str(done) if done == asked else f"{done} of {asked}"
        ranges = [_range(nlls) if len(nlls) > 1 else "", _range(own)][: len(spreads)]
        figures = [
            _number(_mean([figure(each.figures) for each in group.finished]), digits)
            for _, figure, digits in columns
        ]
        table.add_row(*settings, num_runs, _number(_mean(nlls), 3), *ranges, *figures)
    return table


def _columns(keys: Sequence[str], figures: Sequence[Mapping[str, float]]) -> list[Any]:
    """Those that some run has, and for which there is room."""
    there = [each for each in COLUMNS if any(each[1](of_run) is not None for of_run in figures)]
    return there if len(keys) <= MOST_KEYS else there[:FEW_FIGURES]


def _headings(keys: Sequence[str]) -> list[str]:
    """Of many keys, in several lines."""
    names = short_names(keys)
    return [each.replace("_", "_\n") for each in names] if len(keys) > MOST_KEYS else names


def _new_table(
    title: str, words: Sequence[str], nll: Sequence[str], columns: Sequence[Any]
) -> Table:
    table = Table(title=title, caption=CAPTION, box=box.SIMPLE_HEAD, caption_justify="left")
    for heading in words:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("status", "runs"))
    for heading in (*nll, *(name for name, *_ in columns)):
        table.add_column(heading, justify="right", no_wrap="\n" not in heading)
    return table


def _range(values: Sequence[float]) -> str:
    """Of no values nothing, of those that are alike in three digits one."""
    if not values:
        return ""
    low, high = (f"{round(end, 3) + 0.0:.3f}" for end in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _mean(values: Sequence[float | None]) -> float | None:
    there = [each for each in values if each is not None]
    return mean(there) if there else None


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
