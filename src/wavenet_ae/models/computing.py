"""Evaluation mode for a block, in which codes are the same whatever a caller has set elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import nn

from wavenet_ae.errors import ArgumentError
from wavenet_ae.models.roles import SpeechModel

PRECISIONS = (torch.float32, torch.float64)

# Parts that blocks of `evaluation_mode` hold at present: how many blocks, and the mode before them.
_held: WeakKeyDictionary[nn.Module, tuple[int, bool]] = WeakKeyDictionary()
_holding = Lock()


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Puts a module into evaluation mode for a block, whatever the mode of each of its parts is.

    Running statistics are used and stay as they are. Afterwards, each part has its mode again. Of
    blocks that overlap, in one thread or in several, the last to end restores it: a part never
    returns to training mode while another block uses it.
    """
    parts = [*module.modules()]
    with _holding:
        for part in parts:
            num_blocks, before = _held.get(part, (0, part.training))
            _held[part] = num_blocks + 1, before
        module.eval()
    try:
        yield
    finally:
        with _holding:
            for part in parts:
                num_blocks, before = _held.pop(part)
                if num_blocks > 1:
                    _held[part] = num_blocks - 1, before
                else:
                    part.training = before


@contextmanager
def undisturbed(model: SpeechModel) -> Iterator[None]:
    """Computes in a block in evaluation mode and in the precision of the weights.

    A caller's autocast would round the latents, and so give other codes.

    Args:
        model: The model, whose mode is as before after the block.
    """
    with evaluation_mode(model), torch.autocast(model.device.type, enabled=False):
        yield


def require_computable(model: SpeechModel) -> None:
    """Raises ArgumentError where a caller has given the weights a type or device without results.

    Args:
        model: Model that is to encode or decode.
    """
    for tensor in chain(model.parameters(), model.buffers()):
        if tensor.is_meta:
            raise ArgumentError(
                "the model is on the device meta, where it has no weights: load its checkpoint "
                "again, and move it to cpu or cuda only"
            )
        if tensor.is_floating_point() and tensor.dtype not in PRECISIONS:
            raise ArgumentError(
                f"the weights of the model are {tensor.dtype}, in which it has other codes: load "
                "its checkpoint again, and encode and decode in float32 or float64"
            )
