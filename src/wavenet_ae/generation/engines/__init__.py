"""Engines: ways to step a decoder.  The same samples, at different speeds."""

from __future__ import annotations

from wavenet_ae.decoders import WaveNet
from wavenet_ae.errors import UserError
from wavenet_ae.generation.engines.base import Engine, Session
from wavenet_ae.generation.engines.cuda_graph import CudaGraphEngine
from wavenet_ae.generation.engines.reference import ReferenceEngine

ENGINES: dict[str, type[Engine]] = {
    "reference": ReferenceEngine,
    "cuda_graph": CudaGraphEngine,
}


def make_engine(name: str, decoder: WaveNet) -> Engine:
    """An engine by its name; `auto`: the fastest that the decoder's device has.

    Raises UserError where there is no such engine, or not for this device.
    """
    on_gpu = decoder.embedding.device.type == "cuda"
    if name == "auto":
        name = "cuda_graph" if on_gpu else "reference"
    if name not in ENGINES:
        raise UserError(f"engine is {name!r}; there are auto, {', '.join(ENGINES)}")
    if name == "cuda_graph" and not on_gpu:
        raise UserError(
            "engine=cuda_graph needs a model on a CUDA device: take engine=reference, or "
            "device=cuda where there is one"
        )
    return ENGINES[name](decoder)


__all__ = ["ENGINES", "Engine", "Session", "make_engine"]
