"""Encoders from waveform `(B, T)` to latents `(B, C, N)`; `.chain` is an encoder's geometry."""

from wavenet_ae.encoders.base import Encoder, FeatureEncoder
from wavenet_ae.encoders.convolutional import ConvolutionalEncoder

__all__ = ["ConvolutionalEncoder", "Encoder", "FeatureEncoder"]
