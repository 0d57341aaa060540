"""Collective operations of data-parallel training; with a single process, all are the identity."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Returns the number of processes; 1 outside data-parallel training."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Returns the number of this process; 0 outside data-parallel training."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def _is_shared() -> bool:
    return world_size() > 1


def all_reduce_sum(tensor: Tensor) -> Tensor:
    """Returns the sum of `tensor` over processes."""
    if not _is_shared():
        return tensor
    total = tensor.clone()
    dist.all_reduce(total)
    return total


def all_reduce_sum_float64(values: Tensor, device: torch.device) -> Tensor:
    """Returns the sum over processes of float64 values on the CPU.

    The values are sent as two float32 parts, because the device that communicates may lack float64.

    Args:
        values: float64 tensor on the CPU.
        device: Device over which processes communicate.
    """
    rough = values.float()
    rest = (values - rough).float()
    parts = all_gather(torch.stack([rough, rest])[None].to(device))  # (processes, 2, ...)
    return parts.cpu().double().sum(dim=(0, 1))


def all_reduce_mean(tensor: Tensor) -> Tensor:
    """Returns the mean of `tensor` over processes."""
    return all_reduce_sum(tensor) / world_size()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return all_reduce_sum(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return all_reduce_sum(gradients[0])


def all_reduce_sum_with_gradient(tensor: Tensor) -> Tensor:
    """Returns the sum over processes, differentiably.

    The gradient is that of the sum of all processes' losses.
    """
    return _Sum.apply(tensor) if _is_shared() else tensor


def all_gather(items: Tensor) -> Tensor:
    """Returns the items of all processes in the order of the global batch.

    Process `r` of `n` holds items `r::n` of the global batch, so items alternate between processes.

    Args:
        items: `(B, ...)`, the same shape in every process.

    Returns:
        `(B * n, ...)`.
    """
    if not _is_shared():
        return items
    items = items.contiguous()
    parts = [torch.empty_like(items) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, items)
    return torch.stack(parts, dim=1).flatten(0, 1)  # (B, n, ...) -> (B * n, ...)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, items: Tensor) -> Tensor:
        return all_gather(items)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return all_reduce_sum(gradients[0])[rank() :: world_size()]


def all_gather_with_gradient(items: Tensor) -> Tensor:
    """Returns the items of all processes as `all_gather` does, differentiably.

    The gradient is that of the sum of all processes' losses.
    """
    return _Gather.apply(items) if _is_shared() else items


def broadcast_(tensor: Tensor) -> None:
    """Overwrites `tensor` with the first process's, in place."""
    if _is_shared():
        dist.broadcast(tensor.detach(), src=0)


def barrier() -> None:
    """Waits until all processes are here."""
    if _is_shared():
        dist.barrier()
