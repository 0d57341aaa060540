"""Acoustic features as torch modules: computed on the device, on valid frames only.

All are standardized per channel by statistics of the training split, and computed in the
precision of these, outside autocast: log energies lose too much in bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.schema import NonNegativeNumber, Positive, PositiveNumber

ENERGY_FLOOR = 1e-6  # below which the energy of a band says nothing; that of torchaudio's MFCC


def regression_deltas(frames: Tensor, half_width: int) -> Tensor:
    """Slopes over `2 * half_width + 1` frames, (B, C, F) -> (B, C, F - 2 * half_width).

    The regression of Young et al., The HTK Book, eq. 5.16, without replicated edge frames.
    """
    offsets = torch.arange(-half_width, half_width + 1, dtype=frames.dtype, device=frames.device)
    kernel = offsets / (offsets * offsets).sum()
    channels = frames.shape[1]
    return F.conv1d(frames, kernel.expand(channels, 1, -1), groups=channels)


def crop(frames: Tensor, length: int) -> Tensor:
    """The middle `length` of (B, C, F); with an odd surplus, one frame more goes on the right."""
    start = (frames.shape[-1] - length) // 2
    return frames[..., start : start + length]


class Features(nn.Module):
    """Waveform (B, T) in [-1, 1] -> features (B, dim, F), each channel standardized.

    `mean` and `deviation` are buffers that `fit` sets from the training split; `chain` is the
    geometry.  Members compute `raw` features.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, dim: int, chain: Chain) -> None:
        super().__init__()
        self.dim, self.chain = dim, chain
        self.register_buffer("mean", torch.zeros(dim, 1))
        self.register_buffer("deviation", torch.ones(dim, 1))

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            return (self.raw(waveform.to(self.mean.dtype)) - self.mean) / self.deviation

    def raw(self, waveform: Tensor) -> Tensor:
        """Waveform (B, T) -> features (B, dim, F) as they are."""
        raise NotImplementedError

    @torch.no_grad()
    def fit(self, waveforms: Iterable[Tensor]) -> None:
        """Set mean and deviation of each channel from waveforms of the training split."""
        count = 0
        total, squares = (torch.zeros(self.dim, dtype=torch.float64) for _ in range(2))
        for waveform in waveforms:
            frames = self.raw(waveform.to(self.mean.dtype)).double().cpu()
            count += frames.shape[0] * frames.shape[2]
            total = total + frames.sum(dim=(0, 2))
            squares = squares + (frames * frames).sum(dim=(0, 2))
        if count < 2:
            raise ValueError("features cannot be standardized on fewer than two frames")
        mean = total / count
        variance = (squares / count - mean * mean).clamp_min(1e-8)
        self.mean.copy_(mean[:, None])
        self.deviation.copy_(variance.sqrt()[:, None])


class Waveform(Features):
    """The samples themselves, for encoders that learn their own filters: (B, T) -> (B, 1, T)."""

    def __init__(self) -> None:
        super().__init__(dim=1, chain=Chain())

    def raw(self, waveform: Tensor) -> Tensor:
        return waveform[:, None]


def _framing(
    sample_rate: int, num_mels: int, window_seconds: float, hop_seconds: float, lowest_hz: float
) -> dict[str, Any]:
    """Arguments of torchaudio's spectrograms: frames neither centered nor padded."""
    window = round(window_seconds * sample_rate)
    return {
        "n_fft": window,
        "win_length": window,
        "hop_length": round(hop_seconds * sample_rate),
        "n_mels": num_mels,
        "f_min": lowest_hz,
        "center": False,
    }


class LogMel(Features):
    """Natural logarithms of mel energies: (B, T) -> (B, num_mels, F)."""

    def __init__(
        self,
        sample_rate: int,
        num_mels: Positive = 80,
        window_seconds: PositiveNumber = 0.025,
        hop_seconds: PositiveNumber = 0.010,
        lowest_hz: NonNegativeNumber = 20.0,
    ) -> None:
        framing = _framing(sample_rate, num_mels, window_seconds, hop_seconds, lowest_hz)
        frames = Down(framing["win_length"], framing["hop_length"], name="mel frames")
        super().__init__(num_mels, Chain((frames,)))
        self.transform = torchaudio.transforms.MelSpectrogram(sample_rate, **framing)

    def raw(self, waveform: Tensor) -> Tensor:
        return (self.transform(waveform) + ENERGY_FLOOR).log()


class MFCC(Features):
    """Mel-frequency cepstral coefficients with deltas: (B, T) -> (B, 3 * num_coefficients, F)."""

    def __init__(
        self,
        sample_rate: int,
        num_coefficients: Positive = 13,
        num_mels: Positive = 80,
        window_seconds: PositiveNumber = 0.025,
        hop_seconds: PositiveNumber = 0.010,
        delta_half_width: Positive = 2,
        lowest_hz: NonNegativeNumber = 20.0,
    ) -> None:
        framing = _framing(sample_rate, num_mels, window_seconds, hop_seconds, lowest_hz)
        frames = Down(framing["win_length"], framing["hop_length"], name="mfcc frames")
        deltas = Down(2 * delta_half_width + 1, name="deltas")
        super().__init__(3 * num_coefficients, Chain((frames, deltas, deltas)))
        self.delta_half_width = delta_half_width
        # log_mels: torchaudio's default takes a maximum over the batch, so that an item's
        # features would depend on its neighbors.
        self.transform = torchaudio.transforms.MFCC(
            sample_rate, num_coefficients, log_mels=True, melkwargs=framing
        )

    def raw(self, waveform: Tensor) -> Tensor:
        static = self.transform(waveform)  # (B, num_coefficients, F)
        delta = regression_deltas(static, self.delta_half_width)
        second = regression_deltas(delta, self.delta_half_width)
        length = second.shape[-1]
        return torch.cat([crop(static, length), crop(delta, length), second], dim=1)
