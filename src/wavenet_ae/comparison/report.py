"""The results of runs as files and on the console."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from wavenet_ae.comparison.comparable import warnings
from wavenet_ae.comparison.figures import draw_results, write_figure
from wavenet_ae.comparison.groups import Row, grouped
from wavenet_ae.comparison.keys import option_names, varied_settings
from wavenet_ae.comparison.summary import FAILURE, RunResult
from wavenet_ae.comparison.table import WIDTH, console_table, write_csv


def report(
    results: Sequence[RunResult],
    folder: Path,
    conf: Path | None,
    name: str,
    formats: Sequence[str] = ("png", "pdf"),
) -> None:
    """Write `<name>.csv` and a figure in each format into `folder`, and print the table.

    `conf` is the folder of the configuration's groups, whose options give parts their names.
    """
    settings = varied_settings(
        [each.config for each in results], option_names(conf) if conf else {}
    )
    rows = [Row(own, result) for own, result in zip(settings, results, strict=True)]
    write_csv(folder / f"{name}.csv", rows)
    written = [folder / f"{name}.csv"]
    console = Console(width=WIDTH, highlight=False, soft_wrap=False)
    console.print(console_table(rows, _title(results)))
    for sentence in warnings([each.config for each in results if each.config]):
        console.print(sentence, style="yellow", soft_wrap=True)
    figure = draw_results(grouped(rows))
    if figure is not None:
        written += [write_figure(figure, folder / f"{name}.{suffix}") for suffix in formats]
    for path in written:
        console.print(f"written: {path}", soft_wrap=True)


def _title(results: Sequence[RunResult]) -> str:
    """`6 runs, 2 of them failed`"""
    num_failed = sum(each.status == FAILURE for each in results)
    title = f"{len(results)} runs" if len(results) > 1 else "1 run"
    return f"{title}, {num_failed} of them failed" if num_failed else title
