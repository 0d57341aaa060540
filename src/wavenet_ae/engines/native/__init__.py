"""The decoder in C++, compiled on first use: at the speed at which a processor reads weights."""

from wavenet_ae.engines.native.compiler import NotCompiled
from wavenet_ae.engines.native.engine import (
    NativeBfloat16Engine,
    NativeEngine,
    NativeInt8Engine,
)

__all__ = ["NativeBfloat16Engine", "NativeEngine", "NativeInt8Engine", "NotCompiled"]
