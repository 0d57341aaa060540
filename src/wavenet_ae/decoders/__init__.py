"""Decoders: past targets, conditioning and speaker give a distribution over the next target."""

from wavenet_ae.decoders.base import Categorical, Decoder, OutputDistribution, Sampling
from wavenet_ae.decoders.frame_conv import FrameConvolution
from wavenet_ae.decoders.frame_rnn import FrameRNN
from wavenet_ae.decoders.gaussians import Gaussian, MixtureOfGaussians
from wavenet_ae.decoders.gru import GRUDecoder
from wavenet_ae.decoders.mixture_of_logistics import MixtureOfLogistics
from wavenet_ae.decoders.wavenet import WaveNet

__all__ = [
    "Categorical",
    "Decoder",
    "FrameConvolution",
    "FrameRNN",
    "GRUDecoder",
    "Gaussian",
    "MixtureOfGaussians",
    "MixtureOfLogistics",
    "OutputDistribution",
    "Sampling",
    "WaveNet",
]
