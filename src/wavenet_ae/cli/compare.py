"""Compare runs, wherever they lie: one table and one plot.

wavenet-ae compare runs=[outputs/toy/A,outputs/toy/B]
wavenet-ae compare runs=outputs/collapse columns=[criterion,units.pnmi,evaluation/phone_accuracy]
wavenet-ae compare runs=[outputs/compare_bottlenecks/toy,outputs/sweeps/codebook] out=plots
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.comparison.settings import check_compare_settings
from wavenet_ae.config import conf_folder, plain
from wavenet_ae.exits import guarded


def run(config: dict[str, Any]) -> None:
    """Checks the configuration, then runs; slow imports wait until the check is over."""
    settings = check_compare_settings(config)
    from wavenet_ae.comparison.evaluations import find_evaluations
    from wavenet_ae.comparison.report import report
    from wavenet_ae.comparison.results import read_result

    folders = settings.named_folders()
    found = find_evaluations(folders.values(), map(Path, settings.evaluations))
    for sentence in found.unreadable:
        print(sentence, file=sys.stderr)
    results = [found.add_to(read_result(each, name), each) for name, each in folders.items()]
    out = Path(settings.out)
    report(results, out, conf_folder(), "comparison", settings.formats, settings.columns)


@command("compare")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
