"""Parts of a model that stay as they are while the others are trained."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.models import SpeechModel


def frozen_parts(model: SpeechModel, names: Sequence[str]) -> list[nn.Module]:
    """Returns the parts of a model that `optimizer.frozen` names.

    Args:
        model: The model.
        names: Names of its parts, such as `encoder` and `bottleneck`.

    Raises:
        UserError: A name is not that of a part, or nothing would be left to train.
    """
    parts = dict(model.named_children())
    for name in names:
        if name not in parts:
            raise UserError(
                f"optimizer.frozen has {name!r}, which is not a part of {type(model).__name__}."
                f"{nearest(name, parts)}"
            )
    trained = [each for name, each in parts.items() if name not in names]
    if names and not any(each.numel() for part in trained for each in part.parameters()):
        raise UserError(
            f"optimizer.frozen is {list(names)}, which leaves no weights to train: remove one"
        )
    return [parts[name] for name in names]


def freeze(parts: Sequence[nn.Module]) -> None:
    """Takes the weights of parts out of training, and puts the parts into evaluation mode.

    In evaluation mode, running statistics stay as they are, and so do the moving averages of a
    codebook: a model passes no training step to a bottleneck that is in it.
    """
    for part in parts:
        part.requires_grad_(False)
        part.eval()
