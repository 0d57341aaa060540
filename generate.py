"""Speech from recordings, from codes or from nothing.

python generate.py checkpoint=outputs/toy/A/checkpoints/best.ckpt input=recordings
python generate.py checkpoint=... task=convert input=recordings speaker=NAME
python generate.py checkpoint=... task=encode input=recordings out=codes
python generate.py checkpoint=... task=decode codes=codes speaker=NAME
python generate.py checkpoint=... task=sample seconds=10 count=4
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import hydra
from omegaconf import DictConfig

from wavenet_ae.config import plain
from wavenet_ae.exits import guarded
from wavenet_ae.generation.settings import check_settings


def run(config: dict[str, Any]) -> None:
    """Check what is asked for, then do it; what is slow to import waits until it is sound."""
    settings = check_settings(config)
    from wavenet_ae.generation.run import generate

    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    if generate(settings):  # recordings that could not be used
        sys.exit(1)


@hydra.main(config_path="conf", config_name="generate", version_base="1.3")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
