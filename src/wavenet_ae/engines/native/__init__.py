"""Engine in C++, compiled on first use; its speed is limited by the reading of weights."""

from wavenet_ae.engines.native.background import BackgroundCompilation
from wavenet_ae.engines.native.compiler import NotCompiled
from wavenet_ae.engines.native.engine import (
    NativeBfloat16Engine,
    NativeEngine,
    NativeInt8Engine,
)

__all__ = [
    "BackgroundCompilation",
    "NativeBfloat16Engine",
    "NativeEngine",
    "NativeInt8Engine",
    "NotCompiled",
]
