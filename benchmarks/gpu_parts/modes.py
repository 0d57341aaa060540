"""How exactly a GPU's libraries are to compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Let matrix products and convolutions of float32 round to TF32, or not.

    torch's own default lets convolutions do so, but no matrix products.
    """
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


@contextmanager
def cudnn_deterministic(is_deterministic: bool) -> Iterator[None]:
    """Let cuDNN use algorithms only that give the same sums each time, or any."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = is_deterministic
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """What `trainer.precision=bf16-mixed` does, where `precision` is "bf16"."""
    if precision == "bf16":
        return torch.autocast(device, dtype=torch.bfloat16)
    return nullcontext()
