"""Encoders: waveform (B, T) -> latents (B, C, N), each with its geometry as `.chain`."""

from wavenet_ae.encoders.frames import FrameEncoder

__all__ = ["FrameEncoder"]
