"""From a plain configuration to a model: widths and rates are written once and passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from wavenet_ae.geometry import Chain
from wavenet_ae.instantiate import instantiate
from wavenet_ae.models.autoencoder import WaveformAutoencoder

MODEL_GROUPS = ("encoder", "bottleneck", "decoder", "model")


def build(config: Mapping[str, Any], speakers: Sequence[str]) -> WaveformAutoencoder:
    """Build a model from plain values: `sample_rate` and the groups of MODEL_GROUPS.

    Raises UserError where a target lies outside this package and ValueError where lengths or
    rates do not fit together.
    """
    rate = config["sample_rate"]
    encoder = _module(config["encoder"], sample_rate=rate)
    bottleneck = _module(config["bottleneck"], input_dim=encoder.dim)
    model = dict(config["model"])
    upsampling = _module(model.pop("upsampling"), input_dim=bottleneck.dim)
    conditioning: Chain = encoder.chain + upsampling.chain
    decoder = _module(
        config["decoder"],
        conditioning_dim=upsampling.dim,
        conditioning_hop=int(conditioning.grid().spacing),
        num_speakers=len(speakers) + 1,
    )
    return _module(
        model,
        sample_rate=rate,
        speakers=list(speakers),
        encoder=encoder,
        bottleneck=bottleneck,
        upsampling=upsampling,
        decoder=decoder,
    )


def _module(node: Mapping[str, Any], **derived: Any) -> Any:
    """Build a part; it, and whatever it is made of, must be a module of this package."""
    return instantiate(node, kind=nn.Module, **derived)
