"""Encoders: waveform (B, T) -> latents (B, C, N), each with its geometry as `.chain`."""

from wavenet_ae.encoders.base import Encoder
from wavenet_ae.encoders.convolutional import ConvolutionalEncoder
from wavenet_ae.encoders.features import FeatureEncoder

__all__ = ["ConvolutionalEncoder", "Encoder", "FeatureEncoder"]
