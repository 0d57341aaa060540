"""Generation by the engine that a GPU has: samples a second of each stream and of all."""

from __future__ import annotations

from statistics import median
from typing import Any

import torch
from generation import FULL, SAMPLE_RATE, engines_for, measure
from timing import machine

from gpu_parts.task import Task
from gpu_parts.training_step import setup_of

DECODERS = ("medium", "reference")
BATCHES = (1, 8, 64, 512)
TINY_BATCHES = (1, 2)
REPEATS = 3
FOR_A_BATCH = 6.0  # seconds without which none is begun


def run(task: Task) -> None:
    """Record the engine beside the full convolution, batch by batch; `reference` beside one."""
    task.record("machine", **machine(task.device))
    engine = "cuda_graph" if task.device == "cuda" else "reference"
    batches = TINY_BATCHES if task.tiny else BATCHES
    for name in DECODERS:
        setup = setup_of(task, name, batches[0])
        decoder = setup.decoder().to(task.device).eval()
        for batch in batches:
            names = {engine, "reference"} if batch == batches[0] else {engine}
            if task.seconds_left < FOR_A_BATCH:
                task.record(f"{name} batch {batch}", why="left out: no time")
                continue
            try:
                rows = measure(name, setup, engines_for(decoder, sorted(names)), [batch], REPEATS)
            except torch.OutOfMemoryError:
                task.record(f"{name} batch {batch}", why="out of memory")
                continue
            for row in rows:
                task.record("generation", **figures(row))


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """What of a row of benchmarks/generation.py is kept: medians."""
    samples = median(row["samples/s"])
    is_whole = row["implementation"] == FULL
    return {
        "decoder": row["decoder"],
        "engine": row["implementation"],
        "batch": row["batch"],
        "samples/s in all": samples,
        "samples/s a stream": samples / row["batch"],
        "us a sample": median(row["us/sample"]),
        "x real time": samples / row["batch"] / SAMPLE_RATE,
        "x full convolution": 1.0 if is_whole else median(row["slower"]),
    }
