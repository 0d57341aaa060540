"""Running the root scripts as a user does, on a corpus of half a minute."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        "WAVENET_AE_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
        "WANDB_SILENT": "true",
        "COLUMNS": "200",
    }


def start(script: str, *arguments: str, cache: Path, **options: bool) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / script), *arguments],
        env=environment(cache),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def run(script: str, *arguments: str, cache: Path) -> tuple[int, str]:
    """Exit code and all that was printed."""
    process = start(script, *arguments, cache=cache)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output
