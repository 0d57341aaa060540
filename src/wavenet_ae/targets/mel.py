"""Targets that are frames of log mel energies: real numbers, or levels between two limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.audio import griffin_lim
from wavenet_ae.audio.features import FrameSeconds, NumMels
from wavenet_ae.audio.features import LogMel as LogMelFeatures
from wavenet_ae.audio.waveforms import FULL_SCALE
from wavenet_ae.schema import AtLeast, AtMost, NonNegativeNumber, Positive
from wavenet_ae.targets.base import Target

NumLevels = Annotated[int, AtLeast(2), AtMost(2**16)]
LEAST_RANGE = 1e-3  # of the limits of levels, in log energy


class LogMel(Target):
    """Frames of log mel energies, standardized per channel on the training split.

    Frame j is computed from samples j * hop .. j * hop + window - 1, neither centered nor padded,
    and stands for the first hop of them.  Sound is made by Griffin and Lim's algorithm.

    Args:
        sample_rate: Rate of the waveform in Hz.
        num_mels: Mel bands C.
        window_seconds: Length of a frame.
        hop_seconds: Time from one frame to the next, at most the length of a frame.
        lowest_hz: Lower edge of the lowest band.
        griffin_lim_iterations: Iterations in which the phase is estimated.

    Raises:
        ValueError: There is a gap between frames.
    """

    def __init__(
        self,
        sample_rate: int,
        num_mels: NumMels = 40,
        window_seconds: FrameSeconds = 0.025,
        hop_seconds: FrameSeconds = 0.010,
        lowest_hz: NonNegativeNumber = 20.0,
        griffin_lim_iterations: Positive = 60,
    ) -> None:
        super().__init__()
        if hop_seconds > window_seconds:
            raise ValueError(
                f"target.hop_seconds is {hop_seconds:g}, but frames of target.window_seconds="
                f"{window_seconds:g} would leave samples out: it must be at most as long"
            )
        framing = (num_mels, window_seconds, hop_seconds, lowest_hz)
        self.features = LogMelFeatures(sample_rate, *framing)
        self.num_channels: int = num_mels
        self.chain = self.features.chain
        self.griffin_lim_iterations = griffin_lim_iterations

    @property
    def inversion(self) -> str | None:
        return griffin_lim.describe(self.features, self.griffin_lim_iterations)

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        self.features.fit(waveforms)

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns frames (B, W, C) of a waveform (B, T) int16, in the precision of the model."""
        amplitudes = waveform.to(self.features.mean.dtype) / FULL_SCALE
        return self.features(amplitudes).transpose(1, 2).contiguous()

    def log_energies(self, targets: Tensor) -> Tensor:
        """Returns natural logarithms of mel energies (B, C, W) of targets (B, W, C)."""
        features = self.features
        return targets.to(features.mean).transpose(1, 2) * features.deviation + features.mean

    def to_waveform(self, targets: Tensor) -> np.ndarray:
        """Returns the waveform (B, T) int16 of frames (B, W, C), T all samples that they cover."""
        energies = self.log_energies(targets)
        return griffin_lim.to_waveform(self.features, energies, self.griffin_lim_iterations)


class DiscretizedMel(LogMel):
    """Frames of log mel energies in N levels between the least and the greatest one.

    The limits are those of all channels and of the training split; energies beyond them count as
    the limits.  A level stands for the middle of its part of the range:

        energy    low |-----------|-----------|-----------|-----------| high      N = 4
        level               0           1           2           3

    Args:
        sample_rate: Rate of the waveform in Hz.
        levels: Number N of levels.
        num_mels: Mel bands C.
        window_seconds: Length of a frame.
        hop_seconds: Time from one frame to the next, at most the length of a frame.
        lowest_hz: Lower edge of the lowest band.
        griffin_lim_iterations: Iterations in which the phase is estimated.

    Attributes:
        limits: Buffer (2,), the least and the greatest log energy, which `fit` sets.

    Raises:
        ValueError: There is a gap between frames.
    """

    limits: Tensor

    def __init__(
        self,
        sample_rate: int,
        levels: NumLevels = 256,
        num_mels: NumMels = 40,
        window_seconds: FrameSeconds = 0.025,
        hop_seconds: FrameSeconds = 0.010,
        lowest_hz: NonNegativeNumber = 20.0,
        griffin_lim_iterations: Positive = 60,
    ) -> None:
        framing = (num_mels, window_seconds, hop_seconds, lowest_hz)
        super().__init__(sample_rate, *framing, griffin_lim_iterations)
        self.levels: int = levels
        self.register_buffer("limits", torch.tensor([-14.0, 6.0]))  # silence; a loud tone

    @torch.no_grad()
    def fit(self, waveforms: Iterable[Tensor]) -> None:
        ends = [self.features.frames(waveform).aminmax() for waveform in waveforms]
        low = min(float(each.min) for each in ends)
        high = max(float(each.max) for each in ends)
        self.limits.copy_(torch.tensor([low, max(high, low + LEAST_RANGE)]))

    def forward(self, waveform: Tensor) -> Tensor:
        """Returns levels (B, W, C) int64 in [0, N) of a waveform (B, T) int16."""
        low, high = self.limits
        energies = self.features.frames(waveform.to(self.limits.dtype) / FULL_SCALE)
        share = (energies - low) / (high - low)
        levels = (share * self.levels).floor().long().clamp(0, self.levels - 1)
        return levels.transpose(1, 2).contiguous()

    def log_energies(self, targets: Tensor) -> Tensor:
        low, high = self.limits
        share = (targets.transpose(1, 2).to(self.limits) + 0.5) / self.levels
        return low + share * (high - low)
