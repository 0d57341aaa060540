"""The engines in C++: which instructions, which precision, how many threads."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from wavenet_ae.decoders import Categorical, Decoder, WaveNet
from wavenet_ae.engines.base import Engine, Session
from wavenet_ae.engines.native.library import Precision, paths_here
from wavenet_ae.engines.native.packed import PackedDecoder
from wavenet_ae.engines.native.session import NativeSession
from wavenet_ae.errors import UserError

# Threads wait for each other twice a layer.  On two cores two are 1.5 to 1.7 times as fast as one
# with the reference decoder in int8 (12 MB), and twice in bfloat16.  With the small decoder (1 to
# 5 MB) they are up to 1.5 times as fast alone, but slower where torch's threads spin in between.
BYTES_A_THREAD = 4 << 20
MOST_THREADS = 8
BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "int8": 1}  # of a weight


class NativeEngine(Engine):
    """Weights as they are when the engine is made; in float32.

    path     of `library.PATHS`; unset: the best that the processor has
    threads  unset: as many as torch uses, and as are worth while; fewer if no more can be started

    Raises NotCompiled where there is no compiler, and UserError for a decoder that is not float32
    on a CPU.
    """

    name = "native"
    precision: ClassVar[Precision] = "float32"

    def __init__(
        self, decoder: Decoder, path: str | None = None, threads: int | None = None
    ) -> None:
        super().__init__(decoder)
        if reason := self.unfit(decoder):
            raise UserError(f"engine={self.name} cannot be used: {reason}")
        assert isinstance(decoder, WaveNet)
        self.path = path or paths_here()[0]
        threads = threads or _threads_for(decoder, BYTES[self.precision])
        self.packed = PackedDecoder(decoder, self.path, self.precision, threads)

    @classmethod
    def unfit(cls, decoder: Decoder) -> str | None:
        if not isinstance(decoder, WaveNet):
            return f"it steps a WaveNet, but the decoder is {type(decoder).__name__}"
        if not isinstance(decoder.output, Categorical):
            output = type(decoder.output).__name__
            return f"it samples a categorical output, but the decoder's is {output}"
        weight = decoder.head.weight
        if weight.device.type != "cpu":
            return f"it runs on a CPU, but the model is on {weight.device.type}: set device=cpu"
        if weight.dtype != torch.float32:
            return f"it takes weights in float32, but the model's are {weight.dtype}"
        return None

    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        return NativeSession(self.packed, history, conditioning, speaker)

    @property
    def threads(self) -> int:
        """That divide the work at present."""
        return self.packed.threads


class NativeBfloat16Engine(NativeEngine):
    """Weights, and what they are multiplied with, in bfloat16; sums in float32."""

    name = "native_bf16"
    precision = "bfloat16"


class NativeInt8Engine(NativeEngine):
    """Weights in bytes, scaled per row; what they are multiplied with too, scaled per vector."""

    name = "native_int8"
    precision = "int8"


def _threads_for(decoder: WaveNet, bytes_each: int) -> int:
    num_weights = sum(each.numel() for each in decoder.parameters())
    worth_while = num_weights * bytes_each // BYTES_A_THREAD
    return max(1, min(worth_while, torch.get_num_threads(), MOST_THREADS))
