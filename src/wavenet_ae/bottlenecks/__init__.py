"""Bottlenecks: one interface between encoder and decoder, swapped by `bottleneck=`."""

from wavenet_ae.bottlenecks.ae import AE
from wavenet_ae.bottlenecks.base import Bottleneck
from wavenet_ae.bottlenecks.fsq import FSQ
from wavenet_ae.bottlenecks.identity import Identity
from wavenet_ae.bottlenecks.lfq import LFQ
from wavenet_ae.bottlenecks.rvq import RVQ
from wavenet_ae.bottlenecks.simvq import SimVQ
from wavenet_ae.bottlenecks.vae import VAE
from wavenet_ae.bottlenecks.vqvae import VQVAE
from wavenet_ae.bottlenecks.vqvae_ema import VQVAEEMA

__all__ = [
    "AE",
    "FSQ",
    "LFQ",
    "RVQ",
    "VAE",
    "VQVAE",
    "VQVAEEMA",
    "Bottleneck",
    "Identity",
    "SimVQ",
]
