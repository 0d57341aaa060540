"""A trained model from its checkpoint, for use anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wavenet_ae.checkpoint import SECTION, add_to_digest, read_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.models import GenerativeModel, build

PREFIX = "model."  # where the Lightning module keeps the model


def load(checkpoint: str | Path) -> GenerativeModel:
    """Loads a trained model as a plain torch module, on the CPU, in evaluation mode.

    Args:
        checkpoint: The file.

    Returns:
        The model; `.speakers` are the names of the speakers that it knows.

    Raises:
        UserError: The file is missing, is damaged, has another format, would execute code, or has
            weights that are NaN or infinite.
    """
    return load_with_fingerprint(checkpoint)[0]


def load_with_fingerprint(checkpoint: str | Path) -> tuple[GenerativeModel, str]:
    """Loads a trained model as `load` does, and returns its fingerprint too."""
    content = read_checkpoint(checkpoint)
    section = content[SECTION]
    model = build(section["config"], section["speakers"])
    weights = {
        name.removeprefix(PREFIX): value
        for name, value in content["state_dict"].items()
        if name.startswith(PREFIX)
    }
    _require_finite(weights, checkpoint)
    model.load_state_dict(weights)
    return model.eval(), fingerprint(model, section["config"])


def _require_finite(weights: Mapping[str, Tensor], checkpoint: str | Path) -> None:
    bad = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if bad:
        raise UserError(
            f"the checkpoint {checkpoint} has weights that are NaN or infinite, in {len(bad)} of "
            f"{len(weights)} tensors ({bad[0]}, ...): its run has diverged. Use an earlier "
            "checkpoint, or train again with a lower learning rate"
        )


def fingerprint(model: GenerativeModel, config: Mapping[str, Any]) -> str:
    """Returns 64 hex digits that identify a model, whatever file it came in.

    Args:
        model: With its speakers and weights.
        config: What `build` made the model from.
    """
    digest = hashlib.sha256(json.dumps([config, model.speakers], sort_keys=True).encode())
    for name, value in sorted(model.state_dict().items()):
        add_to_digest(digest, name, value)
    return digest.hexdigest()


def device_named(name: str) -> str:
    """Returns the device that `auto`, `cpu` or `cuda` names; raises UserError if it is missing."""
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise UserError("device is 'cuda', but there is no CUDA device: set device=cpu")
    return "cuda" if has_gpu and name == "auto" else name.replace("auto", "cpu")
