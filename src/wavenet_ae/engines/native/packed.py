"""A decoder packed for C++: its weights in the layout of cpp/decoder.hpp."""

from __future__ import annotations

import ctypes

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.decoders import WaveNet
from wavenet_ae.decoders.wavenet import DilatedLayer
from wavenet_ae.engines.native import library as native
from wavenet_ae.engines.native.library import Precision, address, library


class PackedDecoder:
    """Weights of a decoder, packed once and read by a team of threads.

    Args:
        decoder: Decoder in torch on a CPU.
        path: Path of `library.PATHS`.
        precision: Precision of the packed weights.
        threads: Number of threads.

    Attributes:
        decoder: The decoder.
        library: Functions of the path and precision, which take `pointer`.
        sizes: Sizes by the names of `library.SIZES`.
        pointer: Pointer to the packed decoder.
    """

    def __init__(self, decoder: WaveNet, path: str, precision: Precision, threads: int) -> None:
        self.decoder, self.library = decoder, library(path, precision)
        self.sizes, arrays = native.Sizes(**sizes_of(decoder)), weights_of(decoder)
        weights = native.DecoderWeights(**{name: address(each) for name, each in arrays.items()})
        pointer = self.library.decoder_new(ctypes.byref(self.sizes), ctypes.byref(weights), threads)
        self.pointer = native.owned(self, pointer, self.library.decoder_free)

    @property
    def threads(self) -> int:
        """Number of threads that share the work; 1 while other programs keep the cores busy."""
        return int(self.library.decoder_threads(self.pointer))

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that are read for each sample, without conditioning."""
        return int(self.library.decoder_bytes(self.pointer))

    def read_weights(self, repeats: int) -> None:
        """Reads all weights `repeats` times and does nothing else.

        No engine that reads all weights for each sample can be faster.
        """
        self.library.decoder_read(self.pointer, repeats)


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
