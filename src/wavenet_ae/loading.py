"""A trained model from its checkpoint, for use anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wavenet_ae.checkpoint import SECTION, add_to_digest, read_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.models import GenerativeModel, build
from wavenet_ae.models.build import MODEL_GROUPS
from wavenet_ae.schema import SampleRate, accepts, describe, require_none
from wavenet_ae.slots import group_problems, takes_part

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
    require_none(f"{checkpoint}: {each}" for each in _problems(section))
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


def _problems(section: Any) -> Iterator[str]:
    """What keeps the model of a checkpoint from being built."""
    config, speakers = section.get("config"), section.get("speakers")
    if not isinstance(config, Mapping) or not accepts(speakers, Sequence[str]):
        yield "it has no configuration of a model, or no speakers: use another copy"
        return
    if not accepts(config.get("sample_rate"), SampleRate):
        yield f"sample_rate is {config.get('sample_rate')!r}, but must be {describe(SampleRate)}"
    for group in MODEL_GROUPS:
        if group not in config and takes_part(config, group):
            yield f"{group} is missing"
    yield from group_problems(config, MODEL_GROUPS)


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
