"""From log mel energies back to sound: mel inversion by least squares, then Griffin and Lim.

Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", in the
accelerated form of Perraudin et al. 2013, both as torchaudio implements them.

torchaudio centers frame j at sample j * hop, features at the middle of the samples that they read:

    features       |--- frame 0 ---|                       samples 0 .. window - 1
    torchaudio             |                               its sample 0, unless frames precede it

Frames that repeat the first and the last one are therefore put around, and their samples cut off.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.features import ENERGY_FLOOR, LogMel
from wavenet_ae.audio.waveforms import FULL_SCALE

MOMENTUM = 0.99  # torchaudio's default
SEED = 0  # of the first phases, so that the same frames give the same sound


@torch.no_grad()
def to_waveform(features: LogMel, energies: Tensor, iterations: int) -> np.ndarray:
    """Returns waveforms whose log mel energies are near the given ones.

    Each is computed alone and on the CPU, so that it depends neither on the batch nor on a device.

    Args:
        features: What the energies have been computed by.
        energies: Natural logarithms of mel energies (B, C, F).
        iterations: Iterations of the phase, at least 1.

    Returns:
        (B, T) int16, T the samples that the frames cover.
    """
    return np.stack([_one(features, each, iterations) for each in energies.cpu().float()])


def describe(features: LogMel, iterations: int) -> str:
    """Returns how sound is made, for people."""
    mel = features.transform
    return (
        f"Griffin-Lim with {iterations} iterations and a momentum of {MOMENTUM:g}, of {mel.n_mels} "
        f"mel bands, {mel.win_length} samples every {mel.hop_length}"
    )


def _one(features: LogMel, energies: Tensor, iterations: int) -> np.ndarray:
    """Returns the waveform (T,) int16 of log energies (C, F)."""
    mel, length = features.transform, features.chain.input_length(energies.shape[1])
    window, hop = mel.win_length, mel.hop_length
    inverse = torchaudio.transforms.InverseMelScale(
        window // 2 + 1, mel.n_mels, mel.sample_rate, mel.f_min, driver="gelsd"
    )  # gelsd: where bands are narrower than bins, the mel matrix lacks full rank
    power = inverse((energies.exp() - ENERGY_FLOOR).clamp_min(0))  # (bins, F)
    num_around = -(-(window // 2) // hop) + 1
    power = F.pad(power[None], (num_around, num_around), mode="replicate")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        samples = torchaudio.functional.griffinlim(
            power,
            torch.hann_window(window),
            *(window, hop, window),
            power=2.0,
            n_iter=iterations,
            momentum=MOMENTUM,
            length=None,
            rand_init=True,
        )[0]
    first = num_around * hop - window // 2
    scaled = (samples[first : first + length] * FULL_SCALE).round()
    return scaled.clamp(-FULL_SCALE, FULL_SCALE - 1).short().numpy()
