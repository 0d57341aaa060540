"""What a run folder says of its run: configuration, versions, command."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning.utilities import rank_zero_only

from wavenet_ae.checkpoint import write_whole
from wavenet_ae.provenance import this_command


def write_run_files(folder: Path, config: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    """Write `config.yaml` once, and a line of `provenance.jsonl` at each start of the run, which
    is returned."""
    file = folder / "config.yaml"
    if not file.is_file():
        write_whole(file, yaml.safe_dump(dict(config), sort_keys=False).encode())
    provenance = {**this_command(), "corpus_fingerprint": fingerprint}
    with (folder / "provenance.jsonl").open("a") as lines:
        lines.write(json.dumps(provenance) + "\n")
    return provenance


def log_to(folder: str | None) -> None:
    """Log to the console and, where there is a run folder, to its `train.log`; of several
    processes the first alone, the others their errors."""
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("%(message)s"))
    handlers: list[logging.Handler] = [console]
    if getattr(rank_zero_only, "rank", 0):
        console.setLevel(logging.ERROR)
    elif folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(Path(folder) / "train.log")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(file)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(True)
    # Lightning's hints on hardware and on its makers' products; what fails still speaks up.
    for name in ("pytorch_lightning", "lightning_fabric", "hydra"):
        logging.getLogger(name).setLevel(logging.WARNING)
