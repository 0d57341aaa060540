"""Times of several tasks side by side, the rate of matrix products, and what machine this is."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TypeVar

import torch

Key = TypeVar("Key", bound=Hashable)
Shape = tuple[int, int, int]

# (rows, inner, columns)
SQUARES: tuple[Shape, ...] = ((1024,) * 3, (2048,) * 3, (3072,) * 3)


def seconds_per_call(
    tasks: Mapping[Key, Callable[[], object]], repeats: int, device: str, least: float = 0.1
) -> dict[Key, list[float]]:
    """Each task once per round, `repeats` times: called for at least so many seconds.

    Rounds, so that whatever else the machine does meanwhile falls on all tasks alike.
    """
    calls = {key: _calls_in(task, least, device) for key, task in tasks.items()}  # warms up
    times: dict[Key, list[float]] = {key: [] for key in tasks}
    for _ in range(repeats):
        for key, task in tasks.items():
            times[key].append(_elapsed(task, calls[key], device) / calls[key])
    return times


def _calls_in(task: Callable[[], object], seconds: float, device: str) -> int:
    first = _elapsed(task, 1, device)
    if first > seconds:
        return 1
    return max(1, round(seconds / _elapsed(task, 1, device)))


def _elapsed(task: Callable[[], object], calls: int, device: str) -> float:
    _synchronize(device)
    start = time.perf_counter()
    for _ in range(calls):
        task()
    _synchronize(device)
    return time.perf_counter() - start


def _synchronize(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def matrix_product(shape: Shape, dtype: torch.dtype, device: str) -> Callable[[], object]:
    """A matrix product as a layer computes it, its rows times a weight transposed."""
    rows, inner, columns = shape
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(rows, inner, generator=generator).to(device, dtype)
    right = torch.randn(columns, inner, generator=generator).to(device, dtype)
    out = torch.empty(rows, columns, dtype=dtype, device=device)
    return lambda: torch.mm(left, right.t(), out=out)


def product_flops(shape: Shape) -> int:
    rows, inner, columns = shape
    return 2 * rows * inner * columns


def machine(device: str) -> dict[str, str | int]:
    return {
        "processor": processor() if device == "cpu" else torch.cuda.get_device_name(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
