"""Encoders from waveform `(B, T)` to latents `(B, C, N)`; `.chain` is an encoder's geometry."""

from wavenet_ae.encoders.base import Encoder, FeatureEncoder
from wavenet_ae.encoders.causal import CausalEncoder, CausalState
from wavenet_ae.encoders.causal_2d import CausalEncoder2d
from wavenet_ae.encoders.convolutional import ConvolutionalEncoder
from wavenet_ae.encoders.pretrained import PretrainedEncoder, feature_settings
from wavenet_ae.encoders.wav2vec2 import Wav2Vec2Encoder

__all__ = [
    "CausalEncoder",
    "CausalEncoder2d",
    "CausalState",
    "ConvolutionalEncoder",
    "Encoder",
    "FeatureEncoder",
    "PretrainedEncoder",
    "Wav2Vec2Encoder",
    "feature_settings",
]
