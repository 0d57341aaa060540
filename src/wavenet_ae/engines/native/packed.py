"""A decoder as C++ has it: its weights packed once, read by a team of threads."""

from __future__ import annotations

import ctypes

from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines.native import library as native
from wavenet_ae.engines.native.library import Precision, address, library
from wavenet_ae.engines.native.weights import sizes_of, weights_of


class PackedDecoder:
    """Weights as they are when it is made, in a precision.

    decoder  in torch, on a CPU
    library  the functions of its path and precision, which take its `pointer`
    sizes    by the names of `library.SIZES`
    """

    def __init__(self, decoder: WaveNet, path: str, precision: Precision, threads: int) -> None:
        self.decoder, self.library = decoder, library(path, precision)
        self.sizes, arrays = native.Sizes(**sizes_of(decoder)), weights_of(decoder)
        weights = native.Weights(**{name: address(each) for name, each in arrays.items()})
        pointer = self.library.decoder_new(ctypes.byref(self.sizes), ctypes.byref(weights), threads)
        self.pointer = native.owned(self, pointer, self.library.decoder_free)

    @property
    def threads(self) -> int:
        """That divide the work at present: one where others are kept from it by other programs."""
        return int(self.library.decoder_threads(self.pointer))

    @property
    def weight_bytes(self) -> int:
        """That a sample needs; those of conditioning, which are read by chunks, aside."""
        return int(self.library.decoder_bytes(self.pointer))

    def read_weights(self, repeats: int) -> None:
        """Read all of them so many times, and do nothing else."""
        self.library.decoder_read(self.pointer, repeats)
