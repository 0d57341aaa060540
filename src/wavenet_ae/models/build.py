"""From a plain configuration to a model: widths and rates are written once and passed on."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from torch import nn

from wavenet_ae.bottlenecks import BandQuantizer, Bottleneck
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.geometry import Chain
from wavenet_ae.instantiate import instantiate, resolve
from wavenet_ae.models.roles import SpeechModel
from wavenet_ae.nn.conditioning import Upsampling
from wavenet_ae.nn.context import Context
from wavenet_ae.targets import Target

# Class whose subclasses each group takes.
BASES: dict[str, type[nn.Module]] = {
    "encoder": Encoder,
    "bottleneck": Bottleneck,
    "target": Target,
    "decoder": Decoder,
    "model": SpeechModel,
}
MODEL_GROUPS = tuple(BASES)
# Arguments of each group's classes that the wiring below derives from the other groups.
DERIVED: dict[str, frozenset[str]] = {
    "encoder": frozenset({"sample_rate"}),
    "bottleneck": frozenset({"input_dim"}),
    "target": frozenset({"sample_rate"}),
    "decoder": frozenset(
        {"conditioning_dim", "conditioning_hop", "num_speakers", "levels", "num_channels"}
    ),
    "model": frozenset(
        {"sample_rate", "speakers", "encoder", "bottleneck", "target", "decoder", "input_dim"}
    ),
}
UNINFORMED_HOP = 256  # positions per vector of a conditioning without channels; any number does


def model_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the part of a run's configuration that makes the model; checkpoints hold it."""
    return {key: config[key] for key in ("sample_rate", *MODEL_GROUPS) if key in config}


def without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a configuration in which the weights that an encoder began with have no path."""
    found = deepcopy(dict(config))
    encoder = found.get("encoder") or {}
    for key in resolve(encoder["_target_"], Encoder).weights_from if encoder else ():
        if isinstance(encoder.get(key), str):
            encoder[key] = os.path.basename(encoder[key])
    return found


def build(config: Mapping[str, Any], speakers: Sequence[str]) -> SpeechModel:
    """Builds a model from plain values: `sample_rate` and the groups of MODEL_GROUPS.

    Raises:
        UserError: A `_target_` is not a class of its group from this package or its plugins.
        ValueError: Lengths, rates, or target and output do not fit together.
    """
    node, rate = dict(config["model"]), config["sample_rate"]
    taken = inspect.signature(resolve(node["_target_"], SpeechModel)).parameters
    parts: dict[str, Any] = {"sample_rate": rate, "speakers": list(speakers)}
    if "encoder" in taken:
        parts |= _encoding(config, node)
        if "top" in taken:
            parts |= _bottlenecks_of_bands(config, node, parts["encoder"])
    if "decoder" in taken:
        parts["target"] = instantiate(config["target"], Target, sample_rate=rate)
        dim, hop = 0, UNINFORMED_HOP
        if "upsampling" in taken:
            upsampling = instantiate(
                node.pop("upsampling"), Upsampling, input_dim=parts["bottleneck"].dim
            )
            dim, hop = upsampling.dim, _conditioning_hop(upsampling=upsampling, **parts)
            parts["upsampling"] = upsampling
        parts["decoder"] = _decoder(config, speakers, dim, hop, parts["target"])
    model = instantiate(node, SpeechModel, **parts)
    model.config = deepcopy(model_config(config))
    return model


def _encoding(config: Mapping[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Builds the encoder, the context if the model's node has one, and the bottleneck after it."""
    encoder = instantiate(config["encoder"], Encoder, sample_rate=config["sample_rate"])
    parts: dict[str, Any] = {"encoder": encoder}
    width = encoder.dim
    if node.get("context") is not None:
        parts["context"] = instantiate(node.pop("context"), Context, input_dim=width)
        width = parts["context"].dim if node.get("code_of") != "latents" else width
    bottleneck = instantiate(config["bottleneck"], Bottleneck, input_dim=width)
    return {**parts, "bottleneck": bottleneck}


def _bottlenecks_of_bands(
    config: Mapping[str, Any], node: dict[str, Any], encoder: Encoder
) -> dict[str, Any]:
    """Builds the bottlenecks of a hierarchy: the top one has half the bands of the bottom one."""
    bands, width = encoder.num_bands, encoder.dim // encoder.num_bands
    if bands > 1 and bands % 2:
        raise ValueError(
            f"model=hierarchical halves the bands of the latents, but there are {bands}: change "
            "encoder.features.num_mels or encoder.num_halvings"
        )
    nodes = {
        "bottleneck": (config["bottleneck"], bands),
        "top": (node.pop("top", None) or config["bottleneck"], max(1, bands // 2)),
    }
    made = {}
    for name, (own, num_bands) in nodes.items():
        bottleneck = instantiate(own, Bottleneck, input_dim=width)
        if not isinstance(bottleneck, Quantizer):
            raise ValueError(
                f"model=hierarchical has codes at both levels, but {type(bottleneck).__name__} "
                "gives vectors: set bottleneck=vqvae_ema, or another that quantizes"
            )
        made[name] = BandQuantizer(bottleneck, num_bands) if num_bands > 1 else bottleneck
    return made


def _conditioning_hop(encoder: Any, upsampling: Any, target: Any, **_: Any) -> int:
    """Returns for how many targets a conditioning vector is held, checked by the alignment."""
    chain: Chain = encoder.chain + upsampling.chain
    return int(chain.grid().spacing / target.chain.grid().spacing)


def _decoder(
    config: Mapping[str, Any], speakers: Sequence[str], dim: int, hop: int, target: Target
) -> Decoder:
    sizes: dict[str, Any] = dict(
        conditioning_dim=dim,
        conditioning_hop=hop,
        num_speakers=len(speakers) + 1,
        levels=target.levels,
        num_channels=target.num_channels,
    )
    kind = resolve(config["decoder"]["_target_"], Decoder)
    if target.num_channels is not None and "num_channels" not in inspect.signature(kind).parameters:
        raise ValueError(
            f"the decoder {kind.__name__} predicts samples, but the target "
            f"{type(target).__name__} has frames of {target.num_channels} values: set "
            "decoder=frame_conv or frame_rnn, or target=mu_law"
        )
    with warnings.catch_warnings():
        # of projections of a conditioning without channels
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
        return instantiate(config["decoder"], Decoder, **sizes)
