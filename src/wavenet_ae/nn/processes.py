"""What data-parallel processes must agree on; with a single process, nothing happens."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def _is_shared() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def summed(tensor: Tensor) -> Tensor:
    """The sum over processes."""
    if not _is_shared():
        return tensor
    total = tensor.clone()
    dist.all_reduce(total)
    return total


def gathered(rows: Tensor) -> Tensor:
    """The rows (V, D) of all processes, as many from each, in the order of the global batch.

    Process `r` of `n` has items `r::n` of it, so that items alternate between the processes.
    """
    if not _is_shared():
        return rows
    parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, rows.contiguous())
    return torch.stack(parts, dim=1).flatten(0, 1)  # (V, n, D) -> (V * n, D)


def copied_from_first(tensor: Tensor) -> None:
    """Overwrite `tensor` with that of the first process."""
    if _is_shared():
        dist.broadcast(tensor.detach(), src=0)
