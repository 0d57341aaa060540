"""Tensors among nested plain values, as a checkpoint holds them: their digest, and their kinds.

A file of a few bytes can describe a tensor without end, whose rows are all the same place in
memory, and a list that holds itself. What is read is found plain before anything walks through it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

MOST_DEPTH = 64  # of mappings and lists in one another
MOST_VALUES = 1 << 20  # in all mappings and lists
DTYPES = frozenset(
    {
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    }
)


class _Digest(Protocol):
    def update(self, data: Any, /) -> None: ...


def add_to_digest(digest: _Digest, name: str, tensor: Tensor) -> None:
    """Adds the name, type, shape and values of a tensor to a digest."""
    digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
    digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def digest_of_tensors(content: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of all tensors in nested plain values."""
    digest = hashlib.sha256()
    for name, tensor in tensors_in(content):
        add_to_digest(digest, name, tensor)
    return digest.hexdigest()


def tensors_in(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yields all tensors in nested plain values, each with the path to it as its name."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from tensors_in(each, f"{name}/{key}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from tensors_in(each, f"{name}/{number}")


def unplain(content: Any, num_bytes: int) -> str:
    """Returns what keeps nested values from being plain, in words; "" if they are.

    Args:
        content: A mapping, list or tensor, of any values.
        num_bytes: Size of the file from which they were read. All tensors together may have twice
            as many, since two names can share one tensor.
    """
    todo: list[tuple[str, Any, int]] = [("", content, 0)]
    num_values, left = 0, 2 * num_bytes
    while todo:
        name, value, depth = todo.pop()
        if isinstance(value, Tensor):
            if fault := _fault_of(value):
                return f"{name[1:]} is {fault}"
            left -= value.numel() * value.itemsize
            if left < 0:
                return f"{name[1:]} has more values than the file holds"
            continue
        num_values += len(value)
        if depth > MOST_DEPTH or num_values > MOST_VALUES:
            return f"{name[1:80]}... has values in one another without end"
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        todo += [
            (f"{name}/{key}", each, depth + 1)
            for key, each in items
            if isinstance(each, Tensor | Mapping | list | tuple)
        ]
    return ""


def _fault_of(tensor: Tensor) -> str:
    """Returns what a tensor is that it may not be; "" for one whose values lie in memory."""
    if tensor.is_meta:
        return "a tensor without values"
    if tensor.layout != torch.strided or tensor.is_nested:
        return "a sparse or nested tensor"
    if tensor.dtype not in DTYPES:
        return f"a tensor of {tensor.dtype}"
    if tensor.numel() * tensor.itemsize > tensor.untyped_storage().nbytes():
        return f"a tensor {tuple(tensor.shape)} of fewer values than that"
    return ""
