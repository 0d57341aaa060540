"""Compare runs, wherever they lie: one table and one plot.

wavenet-ae compare runs=[outputs/toy/A,outputs/toy/B]
wavenet-ae compare runs=[outputs/compare_bottlenecks/toy,outputs/sweeps/codebook] out=plots
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from wavenet_ae.comparison.settings import check_compare_settings
from wavenet_ae.config import conf_folder, plain
from wavenet_ae.exits import guarded


def run(config: dict[str, Any]) -> None:
    """Check what is asked for, then do it; what is slow to import waits until it is sound."""
    settings = check_compare_settings(config)
    from wavenet_ae.comparison.report import report
    from wavenet_ae.comparison.summary import read_result

    results = [read_result(folder, name) for name, folder in settings.named_folders().items()]
    out = Path(settings.out)
    report(results, out, conf_folder(), "comparison", settings.formats, settings.columns)


@hydra.main(config_path=str(conf_folder()), config_name="compare", version_base="1.3")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
