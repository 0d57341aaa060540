"""C++ functions, loaded for a path through the processor's instructions and a precision."""

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
# Instructions of each path, the best first. A library of a path that the processor lacks is never
# loaded, so its instructions are never executed.
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
    """Struct `Sizes` of cpp/decoder.hpp."""

    _fields_ = [(name, c_int32) for name in SIZES]


class DecoderWeights(ctypes.Structure):
    """Struct `DecoderWeights` of cpp/decoder.hpp."""

    _fields_ = [(name, c_void_p) for name in WEIGHTS]


class ConditioningVectors(ctypes.Structure):
    """Struct `ConditioningVectors` of cpp/conditioning.hpp."""

    _fields_ = [("values", c_void_p), ("first", c_int64), ("count", c_int64)]


class SamplingOptions(ctypes.Structure):
    """Struct `SamplingOptions` of cpp/sampling.hpp."""

    _fields_ = [("temperature", c_float), ("top_k", c_int32), ("top_p", c_float)]


# Result and arguments of each function of cpp/engine.cpp.
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
    """Returns the paths that this processor supports, the best first.

    Raises:
        NotCompiled: If the check of the processor cannot be compiled.
    """
    has = ctypes.CDLL(str(compiled("cpu.cpp"))).cpu_has
    has.argtypes = [c_char_p]
    return [path for path in PATHS if has(path.encode())]


def flags_of(path: str, precision: Precision) -> tuple[str, ...]:
    """Returns the compiler's flags for a path and a precision."""
    return (*PATHS[path], f"-DWAVENET_{precision.upper()}")


@cache
def library(path: str, precision: Precision) -> ctypes.CDLL:
    """Loads the functions of a path and a precision; compiles them first if necessary.

    Raises:
        NotCompiled: If they cannot be compiled.
    """
    file = compiled("engine.cpp", flags_of(path, precision))
    functions = ctypes.CDLL(str(file))
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(functions, name)
        function.restype, function.argtypes = result, list(arguments)
    return functions


def address(array: np.ndarray) -> int:
    """Returns the address of a contiguous array, which must outlive its use."""
    assert array.flags.c_contiguous
    return array.ctypes.data


def owned(owner: object, pointer: int | None, free: Callable[[int], None]) -> int:
    """Returns a pointer that is freed when its owner is garbage-collected.

    It is not freed in a forked process, which has none of the threads that freeing waits for.

    Args:
        owner: Owner of the pointer.
        pointer: The pointer; None for a null pointer.
        free: Function that frees it.

    Raises:
        MemoryError: If the pointer is null.
    """
    if pointer is None:
        raise MemoryError("the native engine could not allocate memory")
    process = os.getpid()

    def release() -> None:
        if os.getpid() == process:
            free(pointer)

    weakref.finalize(owner, release).atexit = False
    return pointer
