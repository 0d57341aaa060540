"""A trained model from its checkpoint or folder, for use anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from wavenet_ae.checkpoint import DamagedCheckpoint
from wavenet_ae.checkpoint_model import MODEL_PREFIX, config_of, speakers_of, weights_of
from wavenet_ae.errors import UserError
from wavenet_ae.model_folder import read_model
from wavenet_ae.model_paths import checkpoint_in
from wavenet_ae.models import SpeechModel, build
from wavenet_ae.models.build import MODEL_GROUPS, without_paths
from wavenet_ae.reading import shown
from wavenet_ae.schema import SampleRate, accepts, describe, require_none
from wavenet_ae.slots import group_problems, takes_part
from wavenet_ae.tensors import add_to_digest


def load(checkpoint: str | Path) -> SpeechModel:
    """Loads a trained model as a plain torch module, on the CPU, in evaluation mode.

    Args:
        checkpoint: A checkpoint; the folder of a run, whose best checkpoint is loaded; `latest`,
            the run that was started last in this working directory; a folder of `save_pretrained`;
            the name of a model that comes with the package, such as `speech-units-8k`; or
            `hf://OWNER/NAME`, a folder on the Hugging Face Hub.

    Returns:
        The model; `.speakers` are the names of the speakers that it knows.

    Raises:
        UserError: The file is missing, is damaged, has another format, would execute code, or has
            weights that are NaN or infinite.
    """
    return load_with_fingerprint(checkpoint)[0]


def load_with_fingerprint(checkpoint: str | Path) -> tuple[SpeechModel, str]:
    """Loads a trained model as `load` does, and returns its fingerprint too."""
    path = checkpoint_in(checkpoint)
    content = read_model(path)
    config, speakers = config_of(path, content), speakers_of(path, content)
    weights = weights_of(path, content, MODEL_PREFIX)
    try:
        require_none(_problems(config))
        with no_more_than(weights):
            model = build(config, speakers)
            _require_kinds(model, weights)
            model.load_state_dict(weights)
        own_fingerprint = fingerprint(model, config)
    except UserError as error:
        raise DamagedCheckpoint(f"the checkpoint {path} holds no model: {error}") from None
    except Exception as error:  # constructors of models raise what their values make them raise
        reason = str(error).strip().split("\n\t")[-1]
        raise DamagedCheckpoint(
            f"the checkpoint {path} holds no model: its configuration and weights do not fit "
            f"together ({type(error).__name__}: {reason})"
        ) from error
    return model.eval(), own_fingerprint


class TooLarge(Exception):
    """A model that a configuration describes is larger than its weights."""


@contextmanager
def no_more_than(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Raises TooLarge in a block that makes modules with more parameters than there are weights.

    A configuration of a few bytes could describe a model without end.  Parameters are registered
    before they are filled, so that nothing of that size is ever in memory.  Twice as many as the
    weights are allowed: a weight that is normalized is registered before its two factors are.
    """
    sizes = [each.numel() for each in weights.values()]
    left = {"parameters": 2 * len(sizes), "numbers": 2 * sum(sizes)}

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None:
            left["parameters"] -= 1
            left["numbers"] -= parameter.numel()
            if min(left.values()) < 0:
                raise TooLarge("the configuration describes a larger model")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _require_kinds(model: SpeechModel, weights: Mapping[str, Tensor]) -> None:
    """Raises UserError where whole numbers would be taken for weights, or weights cut to them."""
    for name, own in model.state_dict().items():
        found = weights.get(name, own)
        if found.is_floating_point() != own.is_floating_point():
            raise UserError(f"{name} is {found.dtype}, but must be {own.dtype}")


def _problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yields what keeps the model of a checkpoint from being built."""
    if not accepts(config.get("sample_rate"), SampleRate):
        rate = shown(config.get("sample_rate"))
        yield f"sample_rate is {rate}, but must be {describe(SampleRate)}"
    for group in MODEL_GROUPS:
        if group not in config and takes_part(config, group):
            yield f"{group} is missing"
    yield from group_problems(config, MODEL_GROUPS)


def fingerprint(model: SpeechModel, config: Mapping[str, Any]) -> str:
    """Returns 64 hex digits that identify a model, whatever file it came in.

    Where a pretrained encoder lay does not count, its weights do.

    Args:
        model: With its speakers and weights.
        config: What `build` made the model from.
    """
    digest = hashlib.sha256(
        json.dumps([without_paths(config), model.speakers], sort_keys=True).encode()
    )
    for name, value in sorted(model.state_dict().items()):
        add_to_digest(digest, name, value)
    return digest.hexdigest()


def device_named(name: str) -> str:
    """Returns the device that `auto`, `cpu` or `cuda` names; raises UserError if it is missing."""
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise UserError("device is 'cuda', but there is no CUDA device: set device=cpu")
    return "cuda" if has_gpu and name == "auto" else name.replace("auto", "cpu")
