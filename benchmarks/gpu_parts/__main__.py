"""Runs one part of gpu.py: python -m gpu_parts PART --out DIR ..."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from gpu_parts.task import Task


def main() -> None:
    """Import a part and run it; what it needs is imported in its own process only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part")
    for name in ("out", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--tiny", action="store_true")
    task = Task(**vars(parser.parse_args()))
    importlib.import_module(f"gpu_parts.{task.part}").run(task)


if __name__ == "__main__":
    main()
