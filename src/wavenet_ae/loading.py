"""A trained model from its checkpoint, for use anywhere."""

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

from wavenet_ae.checkpoint import SECTION, DamagedCheckpoint, read_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import is_node, resolve
from wavenet_ae.models import GenerativeModel, build
from wavenet_ae.reading import shown
from wavenet_ae.schema import SampleRate, accepts, describe, parameter_types, require_none

PREFIX = "model."  # where the Lightning module keeps the model


def load(checkpoint: str | Path) -> GenerativeModel:
    """Loads a trained model as a plain torch module, on the CPU, in evaluation mode.

    Args:
        checkpoint: The file.

    Returns:
        The model; `.speakers` are the names of the speakers that it knows.

    Raises:
        UserError: The file is missing, is damaged, has another format, or would execute code.
    """
    return load_with_fingerprint(checkpoint)[0]


def load_with_fingerprint(checkpoint: str | Path) -> tuple[GenerativeModel, str]:
    """Loads a trained model as `load` does, and returns its fingerprint too."""
    content, path = read_checkpoint(checkpoint), Path(checkpoint)
    config, speakers, weights = _parts(content, path)
    try:
        require_none(_problems(config))
        with no_more_than(weights):
            model = build(config, speakers)
            model.load_state_dict(weights)
    except UserError as error:
        raise DamagedCheckpoint(f"the checkpoint {path} holds no model: {error}") from None
    except Exception as error:  # constructors of models raise what their values make them raise
        reason = str(error).strip().split("\n\t")[-1]
        raise DamagedCheckpoint(
            f"the checkpoint {path} holds no model: its configuration and weights do not fit "
            f"together ({type(error).__name__}: {reason})"
        ) from error
    return model.eval(), fingerprint(model, config)


def _parts(
    content: Mapping[str, Any], path: Path
) -> tuple[dict[str, Any], list[str], dict[str, Tensor]]:
    """Configuration, speakers and weights of a checkpoint's model.

    Raises:
        DamagedCheckpoint: One of them is missing or of another kind.
    """
    section, state = content[SECTION], content.get("state_dict")
    config, speakers = section.get("config"), section.get("speakers")
    if not isinstance(config, dict):
        raise _damaged(path, "config", config, "a configuration")
    if not isinstance(speakers, list) or not all(isinstance(each, str) for each in speakers):
        raise _damaged(path, "speakers", speakers, "a list of names")
    if not isinstance(state, dict):
        raise _damaged(path, "state_dict", state, "the weights by their names")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _damaged(path, f"state_dict.{name}", value, "a tensor")
    weights = {
        name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)
    }
    return config, speakers, weights


def _damaged(path: Path, key: str, value: object, wanted: str) -> DamagedCheckpoint:
    return DamagedCheckpoint(
        f"the checkpoint {path} is damaged: {key} is {shown(value)}, but must be {wanted}"
    )


def _problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Values of a model's configuration that no model has; sizes are bounded."""
    if not accepts(config.get("sample_rate"), SampleRate):
        yield (
            f"sample_rate is {shown(config.get('sample_rate'))}, but must be {describe(SampleRate)}"
        )
    for name, node in config.items():
        if is_node(node):
            yield from _node_problems(str(name), node)


def _node_problems(where: str, node: Mapping[str, Any]) -> Iterator[str]:
    types = parameter_types(resolve(node["_target_"], kind=nn.Module))
    for name, value in node.items():
        if is_node(value):
            yield from _node_problems(f"{where}.{name}", value)
        elif name in types and not accepts(value, types[name]):
            yield f"{where}.{name} is {shown(value)}, but must be {describe(types[name])}"


class TooLarge(Exception):
    """A model that a configuration describes is larger than its weights."""


@contextmanager
def no_more_than(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Raises TooLarge in a block that makes modules with more parameters than there are weights.

    A configuration of a few bytes could describe a model without end.  Parameters are registered
    before they are filled, so that nothing of that size is ever in memory.
    """
    left = {"parameters": len(weights), "numbers": sum(each.numel() for each in weights.values())}

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


def fingerprint(model: GenerativeModel, config: Mapping[str, Any]) -> str:
    """Returns 64 hex digits that identify a model, whatever file it came in.

    Args:
        model: With its speakers and weights.
        config: What `build` made the model from.
    """
    digest = hashlib.sha256(json.dumps([config, model.speakers], sort_keys=True).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def device_named(name: str) -> str:
    """Returns the device that `auto`, `cpu` or `cuda` names; raises UserError if it is missing."""
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise UserError("device is 'cuda', but there is no CUDA device: set device=cpu")
    return "cuda" if has_gpu and name == "auto" else name.replace("auto", "cpu")
