"""What a model predicts, says and tells apart: tables, a JSON of all figures, and a page.

wavenet-ae evaluate checkpoint=outputs/toy/A/checkpoints/best.ckpt
wavenet-ae evaluate checkpoint=... data=folder data.root=recordings
wavenet-ae evaluate checkpoints=[outputs/toy/A/checkpoints/best.ckpt,...] out=outputs/compared
wavenet-ae evaluate report=outputs/compared
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import hydra
from omegaconf import DictConfig

from wavenet_ae.config import conf_folder, plain
from wavenet_ae.evaluation.config import FILE
from wavenet_ae.evaluation.requests import check_request
from wavenet_ae.exits import guarded

PAGE = "report.html"
WIDTH = 150  # of tables that go to a file


def run(config: dict[str, Any]) -> None:
    """Check what is asked for, then do it; what is slow to import waits until it is sound."""
    request = check_request(config)
    from rich.console import Console

    from wavenet_ae.evaluation.console import table
    from wavenet_ae.evaluation.evaluator import evaluate
    from wavenet_ae.evaluation.report.page import write_report

    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for settings in request.evaluations:
        if len(request.evaluations) > 1:
            console.rule(str(settings.file))
        evaluation = evaluate(settings)
        for findings in evaluation.findings:
            if not findings.is_detail:
                console.print(table(findings), "")
        console.print(f"written: {settings.destination / FILE}", soft_wrap=True)
    write_report(request.files, request.folder / PAGE)
    console.print(f"written: {request.folder / PAGE}", soft_wrap=True)


@hydra.main(config_path=str(conf_folder()), config_name="evaluate", version_base="1.3")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
