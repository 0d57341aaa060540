"""The C++ functions of a path through the processor's instructions and a precision."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable, Sequence
from ctypes import c_char_p, c_float, c_int32, c_int64, c_void_p
from functools import cache
from typing import Literal

import numpy as np

from wavenet_ae.engines.native.compiler import compiled

Precision = Literal["float32", "bfloat16", "int8"]

AVX512 = ("-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl")
# The best first.  A library of another path is never loaded, so that its instructions are never
# met by a processor that does not have them.
PATHS: dict[str, tuple[str, ...]] = {
    "avx512_bf16": (*AVX512, "-mavx512vnni", "-mavx512bf16"),
    "avx512_vnni": (*AVX512, "-mavx512vnni"),
    "avx512": AVX512,
    "avx2": ("-mavx2", "-mfma"),
    "portable": (),
}

SIZES = (
    *("num_layers", "kernel", "residual", "gate", "skip", "post"),
    *("levels", "conditioning", "hop"),
)
WEIGHTS = (
    *("dilations", "embedding", "taps", "conditioning", "residual", "skip", "skip_bias"),
    *("post", "post_bias", "logits", "logits_bias"),
)


class Sizes(ctypes.Structure):
    _fields_ = [(name, c_int32) for name in SIZES]


class Weights(ctypes.Structure):
    _fields_ = [(name, c_void_p) for name in WEIGHTS]


class Conditioning(ctypes.Structure):
    _fields_ = [("values", c_void_p), ("first", c_int64), ("count", c_int64)]


class Sampling(ctypes.Structure):
    _fields_ = [("temperature", c_float), ("top_k", c_int32), ("top_p", c_float)]


# Results and arguments, as cpp/engine.cpp has them.
FUNCTIONS: dict[str, tuple[type | None, Sequence[type]]] = {
    "decoder_new": (c_void_p, (c_void_p, c_void_p, c_int32)),
    "decoder_free": (None, (c_void_p,)),
    "decoder_threads": (c_int32, (c_void_p,)),
    "decoder_bytes": (c_int64, (c_void_p,)),
    "decoder_read": (None, (c_void_p, c_int64)),
    "session_new": (c_void_p, (c_void_p, c_int32, c_int64, c_void_p, c_void_p, c_void_p)),
    "session_free": (None, (c_void_p,)),
    "session_generate": (None, (c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_void_p)),
    "session_score": (None, (c_void_p, c_void_p, c_int64, c_void_p, c_void_p)),
}


@cache
def paths_here() -> list[str]:
    """The paths that this processor has, the best first; raises NotCompiled."""
    has = ctypes.CDLL(str(compiled("cpu.cpp"))).cpu_has
    has.argtypes = [c_char_p]
    return [path for path in PATHS if has(path.encode())]


@cache
def library(path: str, precision: Precision) -> ctypes.CDLL:
    """Compiled if need be; raises NotCompiled."""
    file = compiled("engine.cpp", (*PATHS[path], f"-DWAVENET_{precision.upper()}"))
    functions = ctypes.CDLL(str(file))
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(functions, name)
        function.restype, function.argtypes = result, list(arguments)
    return functions


def address(array: np.ndarray) -> int:
    """Of a contiguous array, which must outlive its use."""
    assert array.flags.c_contiguous
    return array.ctypes.data


def owned(owner: object, pointer: int | None, free: Callable[[int], None]) -> int:
    """A pointer that is freed when its owner goes; raises MemoryError where it is null.

    Not in a forked process, which has none of the threads that freeing waits for.
    """
    if pointer is None:
        raise MemoryError("the native engine got no memory")
    process = os.getpid()

    def release() -> None:
        if os.getpid() == process:
            free(pointer)

    weakref.finalize(owner, release).atexit = False
    return pointer
