"""Engines in C++, one for each precision of the weights."""

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

# Threads wait for each other twice per layer. On two cores, two threads are 1.5 to 1.7 times as
# fast as one with the reference decoder in int8 (12 MB), and twice as fast in bfloat16. With the
# small decoder (1 to 5 MB), they are up to 1.5 times as fast, but slower while torch's threads
# spin.
BYTES_A_THREAD = 4 << 20
MOST_THREADS = 8
BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "int8": 1}  # per weight


class NativeEngine(Engine):
    """Engine in C++ with weights in float32.

    The weights are copied when the engine is made; later changes of the decoder have no effect.

    Args:
        decoder: WaveNet with a categorical output, in float32 on a CPU.
        path: Path of `library.PATHS`; None for the best that the processor supports.
        threads: Number of threads; None to choose by torch's threads and the decoder's size. There
            are fewer if the system allows no more.

    Raises:
        NotCompiled: If there is no compiler.
        UserError: If the decoder does not fit, see `unfit`.
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
        """Returns why a decoder does not fit this engine, or None if it does."""
        if not isinstance(decoder, WaveNet):
            return f"it steps a WaveNet, but the decoder is {type(decoder).__name__}"
        if not isinstance(decoder.output, Categorical):
            output = type(decoder.output).__name__
            return f"it samples a categorical output, but the decoder's is {output}"
        weight = decoder.head.weight
        if weight.device.type != "cpu":
            return f"it runs on a CPU, but the model is on {weight.device.type}: set device=cpu"
        if weight.dtype != torch.float32:
            return f"it needs weights in float32, but the model's are {weight.dtype}"
        return None

    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        """Begins a session, see `Engine.begin`."""
        return NativeSession(self.packed, history, conditioning, speaker)

    @property
    def threads(self) -> int:
        """Number of threads that share the work at present."""
        return self.packed.threads


class NativeBfloat16Engine(NativeEngine):
    """Engine in C++ with weights and inputs in bfloat16; sums are float32."""

    name = "native_bf16"
    precision = "bfloat16"


class NativeInt8Engine(NativeEngine):
    """Engine in C++ with weights and inputs in int8.

    Weights are scaled per row, inputs per vector.
    """

    name = "native_int8"
    precision = "int8"


def _threads_for(decoder: WaveNet, bytes_each: int) -> int:
    num_weights = sum(each.numel() for each in decoder.parameters())
    worth_while = num_weights * bytes_each // BYTES_A_THREAD
    return max(1, min(worth_while, torch.get_num_threads(), MOST_THREADS))
