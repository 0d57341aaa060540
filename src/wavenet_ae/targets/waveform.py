"""Targets that are samples: mu-law levels, or 16-bit amplitudes."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from torch import Tensor

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.io import to_int16
from wavenet_ae.audio.waveforms import FULL_SCALE
from wavenet_ae.schema import AtLeast
from wavenet_ae.targets.base import Target


class MuLaw(Target):
    """Samples as mu-law levels: sign(x) ln(1 + mu |x|) / ln(1 + mu), mu = levels - 1.

    The companding is that of ITU-T G.711, as WaveNet predicts it (arXiv 1609.03499, section 2.2).

    Args:
        levels: Number of levels.
    """

    def __init__(self, levels: Annotated[int, AtLeast(2)] = 256) -> None:
        super().__init__()
        self.levels: int = levels

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns levels (B, T) int64 in [0, levels) of a waveform (B, T) int16."""
        return torchaudio.functional.mu_law_encoding(waveform.float() / FULL_SCALE, self.levels)

    def to_waveform(self, targets: Tensor) -> np.ndarray:
        decoded = torchaudio.functional.mu_law_decoding(targets.cpu(), self.levels)
        return to_int16(decoded.numpy())[0]


class PCM(Target):
    """16-bit linear samples in [-1, 1), in steps of 1 / 32768, exact in float32."""

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns amplitudes (B, T) float32 of a waveform (B, T) int16."""
        return waveform.float() / FULL_SCALE

    def to_waveform(self, targets: Tensor) -> np.ndarray:
        samples = (targets.cpu().double() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1)
        return samples.numpy().astype(np.int16)
