"""What a model predicts, says and tells apart: tables, and a JSON of all figures.

python evaluate.py checkpoint=outputs/toy/A/checkpoints/best.ckpt
python evaluate.py checkpoint=... data=folder data.root=recordings
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import hydra
from omegaconf import DictConfig

from wavenet_ae.commands import guarded
from wavenet_ae.config import plain
from wavenet_ae.judging.settings import check_settings

WIDTH = 150  # of tables that go to a file


def run(config: dict[str, Any]) -> None:
    """Check what is asked for, then do it; what is slow to import waits until it is sound."""
    settings = check_settings(config)
    from rich.console import Console

    from wavenet_ae.judging.console import table
    from wavenet_ae.judging.run import FILE, evaluate

    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    evaluation = evaluate(settings)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for findings in evaluation.findings:
        if not findings.is_detail:
            console.print(table(findings), "")
    console.print(f"written: {settings.destination / FILE}", soft_wrap=True)


@hydra.main(config_path="conf", config_name="evaluate", version_base="1.3")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
