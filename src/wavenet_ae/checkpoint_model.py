"""The model in what a checkpoint holds: its configuration, speakers and weights, none unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wavenet_ae.checkpoint import SECTION, DamagedCheckpoint
from wavenet_ae.errors import UserError
from wavenet_ae.reading import shown

MODEL_PREFIX = "model."  # of the names of a model's weights, where the Lightning module keeps it


def speakers_of(path: str | Path, checkpoint: Mapping[str, Any]) -> list[str]:
    """Returns the names of the speakers that a checkpoint's model knows.

    Raises:
        DamagedCheckpoint: They are missing, or are no names.
    """
    speakers = checkpoint[SECTION].get("speakers")
    if not isinstance(speakers, list) or not all(isinstance(each, str) for each in speakers):
        raise _damaged(path, "speakers", speakers, "a list of names")
    return speakers


def config_of(path: str | Path, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration of a checkpoint's model.

    Raises:
        DamagedCheckpoint: It is missing, or is none.
    """
    config = checkpoint[SECTION].get("config")
    if not isinstance(config, dict):
        raise _damaged(path, "config", config, "a configuration")
    return config


def weights_of(path: str | Path, checkpoint: Mapping[str, Any], prefix: str) -> dict[str, Tensor]:
    """Returns the weights of a module in a checkpoint.

    Args:
        path: The checkpoint.
        checkpoint: What it holds.
        prefix: Of the names of the module's weights, such as `model.`; it is removed.

    Raises:
        DamagedCheckpoint: There are no weights, or something else by their names.
        UserError: Weights are NaN or infinite.
    """
    state = checkpoint.get("state_dict")
    if not isinstance(state, dict):
        raise _damaged(path, "state_dict", state, "the weights by their names")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _damaged(path, f"state_dict.{name}", value, "a tensor")
    own = {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }
    bad = [name for name, value in own.items() if not torch.isfinite(value).all()]
    if bad:
        raise UserError(
            f"the checkpoint {path} has weights that are NaN or infinite, in {len(bad)} of "
            f"{len(own)} tensors ({bad[0]}, ...): its run has diverged. Use an earlier "
            "checkpoint, or train again with a lower learning rate"
        )
    return own


def _damaged(path: str | Path, key: str, value: object, wanted: str) -> DamagedCheckpoint:
    return DamagedCheckpoint(
        f"the checkpoint {path} is damaged: {key} is {shown(value)}, but must be {wanted}"
    )
