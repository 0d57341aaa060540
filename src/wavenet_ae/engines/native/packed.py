"""Decoder packed for C++."""

from __future__ import annotations

import ctypes

from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines.native import library as native
from wavenet_ae.engines.native.library import Precision, address, library
from wavenet_ae.engines.native.weights import sizes_of, weights_of


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
