"""The contract of targets."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
from torch import Tensor, nn

from wavenet_ae.geometry import Chain


class Target(nn.Module):
    """Turns waveforms into the sequence that a decoder predicts, and back.

    Decoder, conditioning and targets live on the target's grid: `chain` is the geometry from the
    waveform to that grid, empty where each sample is a target.  A target is one number, or a frame
    of `num_channels` values.  A target has no weights.

    Attributes:
        chain: Geometry from samples to targets.
        levels: Number of levels of a discrete target; None where targets are real numbers.
        num_channels: Values of a target that is a frame; None where a target is one number.
    """

    chain: Chain = Chain()
    levels: int | None = None
    num_channels: int | None = None

    @property
    def inversion(self) -> str | None:
        """How `to_waveform` estimates what targets leave open, for people; None: nothing is."""
        return None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one target: () of a number, (C,) of a frame."""
        return () if self.num_channels is None else (self.num_channels,)

    @property
    def num_values(self) -> int:
        """Numbers that make a target."""
        return prod(self.shape)

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        """Sets statistics from waveforms of the training split; by default there are none.

        Args:
            waveforms: Waveforms (B, T) in [-1, 1].
        """

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns the targets (B, W), or frames (B, W, C), of a waveform (B, T) int16.

        They are int64 in [0, levels) where the target is discrete, else floating point.
        """
        raise NotImplementedError

    def to_waveform(self, targets: Tensor) -> np.ndarray:
        """Returns the waveform (B, T) int16 of targets (B, W) or (B, W, C), as near as they allow.

        Raises:
            TypeError: The target has no way back to a waveform.
        """
        raise TypeError(f"the target {type(self).__name__} has no way back to a waveform")
