"""Running the root scripts as a user does, on a corpus of half a minute."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TINY = [
    "data.source.num_speakers=2",
    "data.source.minutes=0.5",
    "data.batch_size=4",
    "data.window_seconds=0.04",
    "data.validation_seconds=1",
    "encoder.dim=16",
    "decoder.num_blocks=1",
    "decoder.layers_per_block=4",
    "decoder.residual=8",
    "decoder.gate=8",
    "decoder.skip=8",
    "decoder.post=8",
    "trainer.max_steps=24",
    "trainer.log_every_n_steps=2",
    "trainer.accelerator=cpu",
    "validate_every_num_steps=8",
    "callbacks.checkpoints.every_num_steps=4",
]
TINY_CODES = ["bottleneck.codebook_size=8", "bottleneck.start_after=5"]


def environment(cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        "WAVENET_AE_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
        "WANDB_SILENT": "true",
        "COLUMNS": "200",
    }


def start(script: str, *arguments: str, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / script), *arguments],
        env=environment(cache),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(script: str, *arguments: str, cache: Path) -> tuple[int, str]:
    """Exit code and all that was printed."""
    process = start(script, *arguments, cache=cache)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output
