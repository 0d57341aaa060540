"""Results of runs as files and on the console."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from wavenet_ae.comparison.differences import (
    option_names,
    sample_warnings,
    speech_warnings,
    varied_settings,
)
from wavenet_ae.comparison.groups import Row, grouped
from wavenet_ae.comparison.metrics import CRITERION, EVALUATION, criterion
from wavenet_ae.comparison.plots import plot_results
from wavenet_ae.comparison.results import FAILURE, RunResult
from wavenet_ae.comparison.table import WIDTH, console_table, write_csv
from wavenet_ae.errors import UserError, counted, nearest
from wavenet_ae.objectives import Criterion
from wavenet_ae.plotting.figures import save


def report(
    results: Sequence[RunResult],
    folder: Path,
    conf: Path | None,
    name: str,
    formats: Sequence[str] = ("png", "pdf"),
    columns: Sequence[str] = (),
) -> None:
    """Writes a table and a plot of runs, and prints the table.

    Args:
        results: The runs.
        folder: Where `<name>.csv` and the plots go.
        conf: Folder of the configuration's groups, whose options give parts their names.
        name: Stem of the files.
        formats: Suffixes of the plots.
        columns: Metrics of the printed table; empty for those of `metrics.DEFAULT`.

    Raises:
        UserError: If no run has a column.
    """
    check_columns(columns, results)
    compared = common_criterion(results)
    names = option_names(conf) if conf else {}
    settings = varied_settings([each.config for each in results], names)
    rows = [Row(own, result) for own, result in zip(settings, results, strict=True)]
    written = [write_csv(folder / f"{name}.csv", rows, compared)]
    console = Console(width=WIDTH, highlight=False, soft_wrap=False, markup=False, emoji=False)
    console.print(console_table(rows, _title(results), compared, columns))
    for sentence in _remarks(results):
        console.print(sentence, style="yellow", soft_wrap=True)
    plot = plot_results(grouped(rows), compared)
    if plot is not None:
        written += [save(plot, folder / f"{name}.{suffix}") for suffix in formats]
    for path in written:
        console.print(f"written: {path}", soft_wrap=True)


def check_columns(columns: Sequence[str], results: Sequence[RunResult]) -> None:
    """Checks that some run has each column.

    Raises:
        UserError: If none has.
    """
    known = {name for each in results for name in each.metrics}
    for name in columns:
        if name in known or name == CRITERION:
            continue
        is_evaluation = "." in name or name.startswith(EVALUATION)
        if is_evaluation and not any(each.evaluation for each in results):
            raise UserError(
                f"columns has {name!r}, but no evaluation of these runs was found: run "
                "`wavenet-ae evaluate` first, or set evaluations= to its folder"
            )
        raise UserError(f"columns has {name!r}, which no run has.{nearest(name, known)}")


def common_criterion(results: Sequence[RunResult]) -> Criterion:
    """Returns the criterion of the first run that has begun."""
    return criterion(next((each.config for each in results if each.config), {}))


def _remarks(results: Sequence[RunResult]) -> Iterator[str]:
    configs = [each.config for each in results if each.config]
    yield from sample_warnings(configs)
    metrics = list(dict.fromkeys(criterion(each).metric for each in configs))
    if len(metrics) > 1:
        yield f"runs have different criteria, {' and '.join(metrics)}: the first is compared"
    yield from speech_warnings([each.evaluation for each in results if each.evaluation])


def _title(results: Sequence[RunResult]) -> str:
    """Returns `6 runs, 2 of them failed`."""
    num_failed = sum(each.status == FAILURE for each in results)
    title = counted(len(results), "run")
    return f"{title}, {num_failed} of them failed" if num_failed else title
