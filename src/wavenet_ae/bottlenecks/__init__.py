"""Bottlenecks: one interface between encoder and decoder, chosen by `bottleneck=`."""

from wavenet_ae.bottlenecks.bands import BandQuantizer
from wavenet_ae.bottlenecks.base import Bottleneck
from wavenet_ae.bottlenecks.continuous import AE, VAE, Identity
from wavenet_ae.bottlenecks.fsq import FSQ
from wavenet_ae.bottlenecks.lfq import LFQ
from wavenet_ae.bottlenecks.pitch import PitchCodes
from wavenet_ae.bottlenecks.random_projection import RandomProjectionQuantizer
from wavenet_ae.bottlenecks.rfsq import ResidualFSQ
from wavenet_ae.bottlenecks.rvq import RVQ
from wavenet_ae.bottlenecks.simvq import SimVQ
from wavenet_ae.bottlenecks.vqvae import VQVAE, VQVAEEMA

__all__ = [
    "AE",
    "FSQ",
    "LFQ",
    "RVQ",
    "VAE",
    "VQVAE",
    "VQVAEEMA",
    "BandQuantizer",
    "Bottleneck",
    "Identity",
    "PitchCodes",
    "RandomProjectionQuantizer",
    "ResidualFSQ",
    "SimVQ",
]
