"""Likelihood, reconstruction and probing of a model: tables, a JSON of all metrics, and a page.

wavenet-ae evaluate checkpoint=latest
wavenet-ae evaluate checkpoint=outputs/toy/A data=folder data.root=recordings
wavenet-ae evaluate checkpoints=[outputs/toy/A,outputs/toy/B] out=outputs/compared
wavenet-ae evaluate report=outputs/compared
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import plain
from wavenet_ae.evaluation.config import check_command
from wavenet_ae.evaluation.results import FILE
from wavenet_ae.exits import guarded

PAGE = "report.html"
WIDTH = 150  # of tables that go to a file


def run(config: dict[str, Any]) -> None:
    """Checks the configuration, then evaluates; slow imports wait until the check is over."""
    asked = check_command(config)
    from rich.console import Console

    from wavenet_ae.evaluation.evaluator import evaluate
    from wavenet_ae.evaluation.report.page import write_report
    from wavenet_ae.evaluation.report.prose import skipped_words
    from wavenet_ae.evaluation.report.tables import console_table, is_printed

    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(width=width, markup=False, emoji=False)
    for each in asked.evaluations:
        if len(asked.evaluations) > 1:
            console.rule(str(each.file))
        result = evaluate(each)
        for table in result.tables:
            if is_printed(table) and (not each.metrics or table.part in each.metrics):
                console.print(console_table(table), "")
        for sentence in skipped_words(result.skipped):
            console.print(sentence)
        console.print(f"written: {each.destination / FILE}", soft_wrap=True)
    write_report(asked.files, asked.folder / PAGE)
    console.print(f"written: {asked.folder / PAGE}", soft_wrap=True)


@command("evaluate")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
