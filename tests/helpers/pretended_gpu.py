"""A GPU that is pretended: tensors on the CPU that say they are on one.

Under `PretendedGPU`, tensors remember where they would be, an operation on tensors from two places
is refused as CUDA would refuse it, and so is a NumPy array of a tensor on the GPU.  It finds
tensors that were left behind where there is no GPU; numbers, kernels and streams it cannot check.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda", 0)
CPU = torch.device("cpu")
NAMES = "zeros ones empty full tensor arange rand randn randint randperm linspace eye from_numpy"
MAKERS = {getattr(torch, name) for name in NAMES.split()}
PLACED = {"to", "cuda", "cpu", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like"}
PLACED |= {"new_zeros", "new_ones", "new_empty", "new_full", "new_tensor"}
DEVICE, IS_CUDA, SET_DATA = (
    torch.Tensor.device.__get__,
    torch.Tensor.is_cuda.__get__,
    torch.Tensor.data.__set__,
)
# These take tensors from anywhere, or change the first by the others' values.
ANYWHERE = {"copy_", "__get__", "__set__", "__setitem__", "__getitem__", "backward", "grad"}


class OnTwoDevices(RuntimeError):
    """What CUDA says of tensors on two devices."""


def place(tensor: Tensor) -> str | None:
    """Where a tensor would be; None: unknown, as for gradients."""
    return getattr(tensor, "pretended", None)


def moved(module: nn.Module) -> nn.Module:
    """A module whose weights and buffers pretend to be on the GPU."""
    for each in module.modules():
        for tensor in (*each._parameters.values(), *each._buffers.values()):
            if tensor is not None:
                tensor.pretended = "cuda"
    return module


class PretendedGPU(TorchFunctionMode):
    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        if function == DEVICE and place(args[0]) == "cuda":
            return GPU
        if function == IS_CUDA:
            return place(args[0]) == "cuda"
        if name in ("numpy", "__array__") and place(tensors[0]) == "cuda":
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if function == SET_DATA:
            args[0].pretended = place(args[1])
            return function(*args)
        if function in MAKERS or name in PLACED:
            return self._placed(function, name, args, kwargs, tensors)
        places = {place(each) for each in tensors if place(each) and each.dim()}
        self._refuse(name, places, args, kwargs, tensors)
        result = function(*args, **kwargs)
        is_in_place = name.endswith("_") and not name.endswith("__") and bool(tensors)
        own = place(tensors[0]) if is_in_place else max(places, default=None)  # "cuda" before "cpu"
        own = own or ("cuda" if any(place(each) == "cuda" for each in tensors) else None)
        return marked(result, own) if own else result

    def _placed(
        self, function: Any, name: str, args: tuple, kwargs: dict, tensors: list[Tensor]
    ) -> Any:
        """Make or move a tensor: on the CPU, whatever is asked for."""
        wanted = [place(each) or "cpu" for each in tensors[1:]]  # x.to(like)
        wanted += {"cuda": ["cuda"], "cpu": ["cpu"]}.get(name, [])

        def on_cpu(value: Any) -> Any:
            is_name = isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda")
            if is_name or isinstance(value, torch.device):
                wanted.append(torch.device(value).type)
                return CPU
            return value

        args, kwargs = tree_map(on_cpu, args), tree_map(on_cpu, kwargs)
        own = place(tensors[0]) if tensors else None
        where = wanted[-1] if wanted else own or ("cpu" if function in MAKERS else None)
        if where == "cuda" and kwargs.get("generator") is not None:
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        result = tensors[0].clone() if name == "cuda" else function(*args, **kwargs)
        if tensors and result is tensors[0] and where != own:
            result = result.clone()
        return marked(result, where) if where else result

    @staticmethod
    def _refuse(name: str, places: set, args: tuple, kwargs: dict, tensors: list[Tensor]) -> None:
        if len(places) > 1 and name not in ANYWHERE:
            found = [(place(each), tuple(each.shape)) for each in tensors]
            raise OnTwoDevices(f"{name}: tensors on two devices: {found}")
        is_index = name == "__getitem__" and place(args[0]) == "cpu" and "cuda" in places
        if is_index:
            raise OnTwoDevices("indices on the GPU of a tensor on the CPU")
        generators = [each for each in tree_leaves((args, kwargs)) if _is_generator(each)]
        if generators and "cuda" in places:
            raise RuntimeError(f"{name}: a generator on the CPU for a tensor on the GPU")


def _is_generator(value: Any) -> bool:
    return isinstance(value, torch.Generator)


def marked(result: Any, where: str) -> Any:
    """The tensors of a result, from now on in this place."""
    for each in tree_leaves(result):
        if isinstance(each, Tensor):
            each.pretended = where
    return result
