"""Encoding and decoding give one result, whatever a caller has set for other models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch

from wavenet_ae.errors import ArgumentError
from wavenet_ae.models.roles import SpeechModel
from wavenet_ae.nn.batch_norm import evaluation_mode

PRECISIONS = (torch.float32, torch.float64)


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
