"""Reconstruct, convert, encode, decode or sample speech.

wavenet-ae generate checkpoint=latest input=recordings
wavenet-ae generate checkpoint=outputs/toy/A task=convert input=recordings speaker=NAME
wavenet-ae generate checkpoint=outputs/toy/A task=encode input=recordings out=codes
wavenet-ae generate checkpoint=outputs/toy/A task=submission input=abxLS-dataset out=submission
wavenet-ae generate checkpoint=outputs/toy/A task=decode codes=codes speaker=NAME
wavenet-ae generate checkpoint=outputs/toy/A task=sample seconds=10 num_samples=4
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import plain
from wavenet_ae.exits import guarded
from wavenet_ae.generation.settings import check_settings


def run(config: dict[str, Any]) -> None:
    """Checks the configuration, then runs; slow imports wait until the check is over."""
    settings = check_settings(config)
    from wavenet_ae.generation.run import generate

    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    if generate(settings):  # recordings that could not be used
        sys.exit(1)


@command("generate")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
