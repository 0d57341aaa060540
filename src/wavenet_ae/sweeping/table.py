"""The results of a sweep as a CSV for programs and as a table for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from rich import box
from rich.table import Table

from wavenet_ae.checkpoint import write_whole
from wavenet_ae.sweeping.summary import NLL, SPEED, RunResult
from wavenet_ae.sweeping.summary_keys import SEED, in_words, short_names, without_seed

WIDTH = 100
MOST_KEYS = 3  # beside which there is room for all figures
FEW_FIGURES = 1
GAIN = "validation/gain_over_other_codes"
NOMINAL, UNIGRAM, KL = (f"bitrate/{name}" for name in ("nominal", "unigram", "kl"))
CAPTION = (
    "Of the validation with the lowest NLL, in nats per sample.\n"
    "gain: what another item's codes cost\n"
    "bit/s used: entropy of the codes, or KL to the prior"
)


@dataclass(frozen=True)
class Row:
    """A run with the settings that tell it from the others."""

    settings: Mapping[str, Any]
    result: RunResult


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone; without the seed, their settings."""

    settings: Mapping[str, Any]
    rows: Sequence[Row]

    @property
    def finished(self) -> list[RunResult]:
        return [row.result for row in self.rows if row.result.is_finished]

    def figures(self, name: str) -> list[float]:
        """A figure of the finished runs that have it."""
        return [each.figures[name] for each in self.finished if name in each.figures]


def used_rate(figures: Mapping[str, float]) -> float | None:
    """Bits per second that codes carry at most: their entropy, or the KL of a posterior."""
    return figures.get(UNIGRAM, figures.get(KL))


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
    write_whole(path, text.getvalue().encode())


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row.settings))


def grouped(rows: Sequence[Row]) -> list[Group]:
    """Groups over seeds, in the order of their first runs; a run that never began has none."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.result.config:
            groups.setdefault(without_seed(row.settings), []).append(row)
    return [
        Group({key: value for key, value in own[0].settings.items() if key != SEED}, own)
        for own in groups.values()
    ]


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
    """Means over the finished runs of each group, and the range of their NLLs."""
    keys = list(dict.fromkeys(key for group in groups for key in group.settings))
    columns = _columns(keys, [each.figures for group in groups for each in group.finished])
    table = _new_table(title, [*_headings(keys), "runs"], ["NLL", "range"], columns)
    for group in sorted(groups, key=lambda group: _mean(group.figures(NLL)) or float("inf")):
        settings = (in_words(group.settings.get(key)) for key in keys)
        done, asked, nlls = len(group.finished), len(group.rows), group.figures(NLL)
        num_runs = str(done) if done == asked else f"{done} of {asked}"
        spread = f"{min(nlls):.3f} to {max(nlls):.3f}" if len(nlls) > 1 else ""
        figures = [
            _number(_mean([figure(each.figures) for each in group.finished]), digits)
            for _, figure, digits in columns
        ]
        table.add_row(*settings, num_runs, _number(_mean(nlls), 3), spread, *figures)
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


def _mean(values: Sequence[float | None]) -> float | None:
    there = [each for each in values if each is not None]
    return mean(there) if there else None


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
