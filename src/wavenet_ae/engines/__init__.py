"""Engines: ways to step a decoder.  The same samples, at different speeds."""

from __future__ import annotations

import logging
from functools import cache

from wavenet_ae.decoders import Decoder, Sampling
from wavenet_ae.engines.base import Engine, Session, stream_seed, stream_uniforms
from wavenet_ae.engines.native import (
    BackgroundCompilation,
    NativeBfloat16Engine,
    NativeEngine,
    NativeInt8Engine,
    NotCompiled,
)
from wavenet_ae.engines.stepped import CudaGraphEngine, ReferenceEngine
from wavenet_ae.errors import UserError, counted

logger = logging.getLogger(__name__)

SLOW = "engine=auto uses reference, which is many times slower than native"
# Engines in torch, in whatever precision the decoder has.
ENGINES: dict[str, type[Engine]] = {each.name: each for each in (ReferenceEngine, CudaGraphEngine)}
# Engines in C++, on CPUs; each with weights in a precision of its own.
NATIVE_ENGINES: dict[str, type[NativeEngine]] = {
    each.name: each for each in (NativeEngine, NativeBfloat16Engine, NativeInt8Engine)
}


def make_engine(name: str, decoder: Decoder) -> Engine:
    """Returns an engine by its name.

    Args:
        name: Name of an engine; `auto` chooses the fastest one that steps the decoder on its device
            and in its own precision.
        decoder: Decoder to step.

    Raises:
        UserError: There is no such engine, or not for this decoder or on this machine.
    """
    known = {**ENGINES, **NATIVE_ENGINES}
    if name == "auto":
        return _fastest(decoder)
    if not isinstance(name, str) or name not in known:
        raise UserError(f"engine is {name!r}; there are auto, {', '.join(known)}")
    if reason := known[name].unfit(decoder):
        raise UserError(f"engine={name} cannot be used: {reason}; engine=auto chooses one that can")
    return known[name](decoder)


def prepare_engine(name: str, decoder: Decoder) -> BackgroundCompilation | None:
    """Gets an engine ready for a later `make_engine`, without waiting for a compiler.

    Args:
        name: Name of the engine. `auto` is compiled in the background where it needs a compiler;
            any other is made now, so that what keeps it from being made is known.
        decoder: Decoder to step later.

    Returns:
        What compiles; None where nothing does.

    Raises:
        UserError: As `make_engine` does.
    """
    is_native = CudaGraphEngine.unfit(decoder) and not NativeEngine.unfit(decoder)
    if name == "auto" and is_native:
        try:
            return BackgroundCompilation(NativeEngine.precision)
        except NotCompiled as problem:
            _say(f"{SLOW}: {problem}", logging.WARNING)
            return None
    make_engine(name, decoder)
    return None


def _fastest(decoder: Decoder) -> Engine:
    if CudaGraphEngine.unfit(decoder) is None:
        _say("engine=auto uses cuda_graph: the model is on a GPU")
        return CudaGraphEngine(decoder)
    if reason := NativeEngine.unfit(decoder):
        _say(f"engine=auto uses reference; native cannot be used: {reason}")
        return ReferenceEngine(decoder)
    try:
        engine = NativeEngine(decoder)
    except NotCompiled as problem:
        _say(f"{SLOW}: {problem}", logging.WARNING)
        return ReferenceEngine(decoder)
    _say(
        f"engine=auto uses native: the model is in float32 on a CPU.  {engine.path}, "
        f"{counted(engine.threads, 'thread')}; native_bf16 and native_int8 are faster and "
        "less exact"
    )
    return engine


@cache
def _say(text: str, level: int = logging.INFO) -> None:
    """Logs a line once in a process."""
    logger.log(level, text)


__all__ = [
    "ENGINES",
    "NATIVE_ENGINES",
    "BackgroundCompilation",
    "Engine",
    "Sampling",
    "Session",
    "make_engine",
    "prepare_engine",
    "stream_seed",
    "stream_uniforms",
]
