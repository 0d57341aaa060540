"""Weights of a decoder in the layout of cpp/decoder.hpp."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.decoders import WaveNet
from wavenet_ae.decoders.wavenet import DilatedLayer


@torch.no_grad()
def weights_of(decoder: WaveNet) -> dict[str, np.ndarray]:
    """Returns the weights by the names of `library.WEIGHTS`, contiguous float32.

    The shapes are in cpp/decoder.hpp.
    """
    layers: list[DilatedLayer] = list(decoder.layers)  # type: ignore[arg-type]
    residual = [each.residual.weight for each in layers if each.residual is not None]
    parts: dict[str, Tensor] = {
        "embedding": decoder.input.weight,  # type: ignore[dict-item]
        "taps": torch.stack([each.taps for each in layers]),
        "conditioning": torch.stack([each.conditioning.weight for each in layers]),
        "residual": torch.stack(residual) if residual else torch.empty(0),
        "skip": decoder.skip.weight,
        "skip_bias": decoder.skip.bias,
        "post": decoder.post.weight,
        "post_bias": decoder.post.bias,
        "logits": decoder.head.weight,
        "logits_bias": decoder.head.bias,
    }
    arrays = {name: each.detach().float().contiguous().numpy() for name, each in parts.items()}
    return {"dilations": np.array(decoder.dilations, np.int32), **arrays}


def sizes_of(decoder: WaveNet) -> dict[str, int]:
    """Returns the sizes by the names of `library.SIZES`."""
    layer: DilatedLayer = decoder.layers[0]  # type: ignore[assignment]
    kernel, gates, residual = layer.taps.shape
    return {
        "num_layers": len(decoder.layers),
        "kernel": kernel,
        "residual": residual,
        "gate": gates // 2,
        "skip": decoder.skip.out_features,
        "post": decoder.post.out_features,
        "levels": decoder.output.num_parameters,
        "conditioning": layer.conditioning.in_features,
        "hop": decoder.conditioning_hop,
    }
