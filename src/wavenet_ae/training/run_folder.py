"""What a run folder says of its run: configuration, versions, command."""

from __future__ import annotations

import json
import logging
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from wavenet_ae.checkpoint import write_whole

PACKAGES = ("torch", "torchaudio", "pytorch-lightning", "hydra-core", "numpy", "soundfile")


def write_run_files(folder: Path, config: Mapping[str, Any], fingerprint: str) -> None:
    """Write `config.yaml` once, and a line of `provenance.jsonl` at each start of the run."""
    file = folder / "config.yaml"
    if not file.is_file():
        write_whole(file, yaml.safe_dump(dict(config), sort_keys=False).encode())
    with (folder / "provenance.jsonl").open("a") as lines:
        lines.write(json.dumps(_provenance(fingerprint)) + "\n")


def _provenance(fingerprint: str) -> dict[str, Any]:
    return {
        "command": shlex.join(sys.argv),
        "corpus_fingerprint": fingerprint,
        "git": _git_state(),
        "python": platform.python_version(),
        "machine": platform.platform(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _git_state() -> str:
    """Commit, and whether files differ from it; empty outside a repository."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def log_to(folder: Path) -> None:
    """Log to the console and to `train.log` of the run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("%(message)s"))
    file = logging.FileHandler(folder / "train.log")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[console, file], force=True)
    logging.captureWarnings(True)
