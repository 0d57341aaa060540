"""Autoregressive sampling from a decoder, a sample at a time."""

from wavenet_ae.generation.engines import ENGINES, Engine, make_engine
from wavenet_ae.generation.sampling import Sampling
from wavenet_ae.generation.uniforms import stream_seed, stream_uniforms

__all__ = ["ENGINES", "Engine", "Sampling", "make_engine", "stream_seed", "stream_uniforms"]
