"""What a run writes about itself: configuration, versions, command, log."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import yaml
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.provenance import this_command
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import append_line, write_bytes


def write_run_files(run: RunFolder, config: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    """Writes the configuration of a new run, and the provenance of each start.

    Args:
        run: Where.
        config: The run's plain configuration.
        fingerprint: Of the corpus.

    Returns:
        The provenance of this start: command, code, versions and the corpus.
    """
    if not run.config.is_file():
        write_bytes(run.config, yaml.safe_dump(dict(config), sort_keys=False).encode())
    provenance = {**this_command(), "corpus_fingerprint": fingerprint}
    append_line(run.provenance, json.dumps(provenance))
    return provenance


def log_to(folder: str | None) -> None:
    """Logs to the console and, where there is a run folder, to its log file.

    Of several processes, the first alone logs; the others print their errors.

    Args:
        folder: The run's folder, which is made where there is none; None: the console alone.
    """
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("%(message)s"))
    handlers: list[logging.Handler] = [console]
    if getattr(rank_zero_only, "rank", 0):
        console.setLevel(logging.ERROR)
    elif folder is not None:
        run = RunFolder(folder)
        run.path.mkdir(parents=True, exist_ok=True)
        # File names may have bytes that are no text, and the locale may know ASCII alone.
        file = logging.FileHandler(run.log, encoding="utf-8", errors="backslashreplace")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(file)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(True)
    # Lightning hints at hardware and at its makers' products; its warnings and errors stay.
    for name in ("pytorch_lightning", "lightning_fabric", "hydra"):
        logging.getLogger(name).setLevel(logging.WARNING)
