"""Samples as they are: 16-bit linear pulse-code modulation."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from wavenet_ae.audio.io import FULL_SCALE
from wavenet_ae.targets.base import Target


class PCM(Target):
    """Samples in [-1, 1) in steps of 1 / 32768, exact in float32."""

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns amplitudes (B, T) float32 of a waveform (B, T) int16."""
        return waveform.float() / FULL_SCALE

    def to_waveform(self, targets: Tensor) -> np.ndarray:
        samples = (targets.cpu().double() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1)
        return samples.numpy().astype(np.int16)
