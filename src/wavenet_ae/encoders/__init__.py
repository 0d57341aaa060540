"""Encoders from waveform `(B, T)` to latents `(B, C, N)`; `.chain` is an encoder's geometry."""

from wavenet_ae.encoders.base import Encoder
from wavenet_ae.encoders.convolutional import ConvolutionalEncoder
from wavenet_ae.encoders.features import FeatureEncoder

__all__ = ["ConvolutionalEncoder", "Encoder", "FeatureEncoder"]
