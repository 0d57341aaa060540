"""The contract of targets."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from wavenet_ae.geometry import Chain


class Target(nn.Module):
    """Turns waveforms into the sequence that a decoder predicts, and back.

    Decoder, conditioning and targets live on the target's grid: `chain` is the geometry from the
    waveform to that grid, empty where each sample is a target.  A target has no weights.

    Attributes:
        chain: Geometry from samples to targets.
        levels: Number of levels of a discrete target; None where targets are real numbers.
    """

    chain: Chain = Chain()
    levels: int | None = None

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns the targets (B, W) of a waveform (B, T) int16.

        They are int64 in [0, levels) where the target is discrete, else float32.
        """
        raise NotImplementedError

    def to_waveform(self, targets: Tensor) -> np.ndarray:
        """Returns the waveform (B, T) int16 of targets (B, W), as near as they allow.

        Raises:
            TypeError: The target has no way back to a waveform.
        """
        raise TypeError(f"the target {type(self).__name__} has no way back to a waveform")
