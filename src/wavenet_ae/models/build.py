"""From a plain configuration to a model: widths and rates are written once and passed on."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from wavenet_ae.geometry import Chain
from wavenet_ae.instantiate import instantiate, resolve
from wavenet_ae.models.base import WaveformModel

MODEL_GROUPS = ("encoder", "bottleneck", "decoder", "model")
UNINFORMED_HOP = 256  # positions per vector of a conditioning without channels; any number does


def model_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a run's configuration makes the model; it travels in checkpoints."""
    return {key: config[key] for key in ("sample_rate", *MODEL_GROUPS) if key in config}


def build(config: Mapping[str, Any], speakers: Sequence[str]) -> WaveformModel:
    """Build a model from plain values: `sample_rate` and the groups of MODEL_GROUPS.

    Raises UserError where a target lies outside this package and ValueError where lengths or
    rates do not fit together.
    """
    node, rate = config["model"], config["sample_rate"]
    wired = {"sample_rate": rate, "speakers": list(speakers)}
    if has_codes(node):
        return _autoencoder(config, **wired)
    decoder = _decoder(config, speakers, dim=0, hop=UNINFORMED_HOP)
    return _module(node, decoder=decoder, **wired)


def has_codes(model: Mapping[str, Any]) -> bool:
    """Whether a model's node is of one with encoder and bottleneck."""
    return "bottleneck" in inspect.signature(resolve(model["_target_"])).parameters


def _autoencoder(config: Mapping[str, Any], **wired: Any) -> WaveformModel:
    encoder = _module(config["encoder"], sample_rate=wired["sample_rate"])
    bottleneck = _module(config["bottleneck"], input_dim=encoder.dim)
    node = dict(config["model"])
    upsampling = _module(node.pop("upsampling"), input_dim=bottleneck.dim)
    conditioning: Chain = encoder.chain + upsampling.chain
    hop = int(conditioning.grid().spacing)
    decoder = _decoder(config, wired["speakers"], upsampling.dim, hop)
    parts = dict(encoder=encoder, bottleneck=bottleneck, upsampling=upsampling, decoder=decoder)
    return _module(node, **parts, **wired)


def _decoder(config: Mapping[str, Any], speakers: Sequence[str], dim: int, hop: int) -> Any:
    sizes = dict(conditioning_dim=dim, conditioning_hop=hop, num_speakers=len(speakers) + 1)
    with warnings.catch_warnings():
        # of projections of a conditioning without channels
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
        return _module(config["decoder"], **sizes)


def _module(node: Mapping[str, Any], **derived: Any) -> Any:
    """Build a part; it, and whatever it is made of, must be a module of this package."""
    return instantiate(node, kind=nn.Module, **derived)
