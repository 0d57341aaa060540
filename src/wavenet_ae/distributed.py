"""What data-parallel processes must agree on; with a single process, nothing happens."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def num_processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _is_shared() -> bool:
    return num_processes() > 1


def summed(tensor: Tensor) -> Tensor:
    """The sum over processes."""
    if not _is_shared():
        return tensor
    total = tensor.clone()
    dist.all_reduce(total)
    return total


def summed_float64(values: Tensor, device: torch.device) -> Tensor:
    """The sum over processes of float64 values on the CPU, through a device that may lack them."""
    rough = values.float()
    rest = (values - rough).float()
    parts = gathered(torch.stack([rough, rest])[None].to(device))  # (processes, 2, ...)
    return parts.cpu().double().sum(dim=(0, 1))


def averaged(tensor: Tensor) -> Tensor:
    """The mean over processes."""
    return summed(tensor) / num_processes()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return summed(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return summed(gradients[0])


def summed_with_gradient(tensor: Tensor) -> Tensor:
    """The sum over processes; its gradient is that of the sum of all processes' losses."""
    return _Sum.apply(tensor) if _is_shared() else tensor


def gathered(items: Tensor) -> Tensor:
    """The items (B, ...) of all processes, as many from each, in the order of the global batch.

    Process `r` of `n` has items `r::n` of it, so that items alternate between the processes.
    """
    if not _is_shared():
        return items
    items = items.contiguous()
    parts = [torch.empty_like(items) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, items)
    return torch.stack(parts, dim=1).flatten(0, 1)  # (B, n, ...) -> (B * n, ...)


def copied_from_first(tensor: Tensor) -> None:
    """Overwrite `tensor` with that of the first process."""
    if _is_shared():
        dist.broadcast(tensor.detach(), src=0)
